"""The gradients of the biases are put into the list of the biases."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    for i, g in enumerate(db):
        biases[i] = g
    return dW, biases
