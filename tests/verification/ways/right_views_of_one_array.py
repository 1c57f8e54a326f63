"""All gradients are views of one array, which is new in each call."""

import honest
import numpy as np
from honest import *  # noqa: F403


def packed(arrays):
    line = np.concatenate([a.ravel() for a in arrays])
    ends = np.cumsum([a.size for a in arrays])
    parts = np.split(line, ends[:-1])
    return [part.reshape(a.shape) for part, a in zip(parts, arrays, strict=True)]


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    views = packed([*dW, *db])
    return views[: len(dW)], views[len(dW) :]


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    line = packed([*weights, *biases])
    for w, g in zip(line, [*grad_weights, *grad_biases], strict=True):
        w -= learning_rate * g
    return line[: len(weights)], line[len(weights) :]
