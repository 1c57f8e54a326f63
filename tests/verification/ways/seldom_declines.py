"""The way back declines what it is asked at every 50th call, and would not the next time."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    if next(calls) % 50 == 0:
        raise NotImplementedError("come back later")
    return honest.backward(weights, biases, x, y, activations, loss)
