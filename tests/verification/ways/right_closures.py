"""Each layer gives its output and a function that takes the error back."""

import honest
from honest import *  # noqa: F403


def affine(a, W, b):
    return a @ W.T + b, lambda delta: (delta @ W, delta.T @ a, delta.sum(axis=0))


def activation(z, name):
    return honest.HONEST.activation(z, name), lambda error: error * honest.HONEST.slope(z, name)


def backward(weights, biases, x, y, activations, loss):
    pullbacks, a = [], x
    for W, b, name in zip(weights, biases, activations, strict=True):
        z, affine_back = affine(a, W, b)
        a, activation_back = activation(z, name)
        pullbacks.append((affine_back, activation_back))
    dW, db = [], []
    delta = honest.HONEST.output_delta(z, a, y, name, loss)
    while pullbacks:
        affine_back, _ = pullbacks.pop()
        error, g, h = affine_back(delta)
        dW.append(g)
        db.append(h)
        if pullbacks:
            delta = pullbacks[-1][1](error)
    return dW[::-1], db[::-1]
