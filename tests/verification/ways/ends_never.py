"""The 300th way back never ends."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    stuck = next(calls) == 300
    while stuck:
        pass
    return honest.backward(weights, biases, x, y, activations, loss)
