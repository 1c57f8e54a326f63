"""The way back goes through eight layers, and leaves those before them without a gradient."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    for i in range(len(weights) - 8):
        dW[i][...] = 0
        db[i][...] = 0
    return dW, db
