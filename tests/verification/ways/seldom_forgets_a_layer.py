"""At every 60th call the gradients of the first layer are left at zero."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    if next(calls) % 60 == 0:
        dW[0][...] = 0
        db[0][...] = 0
    return dW, db
