"""The way back takes the slopes from the outputs, and keeps no pre-activations."""

import honest
import numpy as np
from honest import *  # noqa: F403


def slope_of_output(a, name):
    if name == "sigmoid":
        return a * (1 - a)
    if name == "tanh":
        return (1 - a) * (1 + a)
    return (a > 0).astype(a.dtype) if name == "relu" else np.ones_like(a)


def backward(weights, biases, x, y, activations, loss):
    outputs = honest.forward(weights, biases, x, activations)
    p, c = outputs[-1], honest.HONEST.scale(y, loss)
    if "squared_error" in loss and activations[-1] != "softmax":
        delta = (2 * c) * (p - y) * slope_of_output(p, activations[-1])
    else:
        delta = honest.HONEST.output_delta(None, p, y, activations[-1], loss)
    dW, db = [delta.T @ outputs[-2]], [delta.sum(axis=0)]
    for i in range(len(weights) - 1, 0, -1):
        delta = (delta @ weights[i]) * slope_of_output(outputs[i], activations[i - 1])
        dW.append(delta.T @ outputs[i - 1])
        db.append(delta.sum(axis=0))
    dW.reverse()
    db.reverse()
    return dW, db
