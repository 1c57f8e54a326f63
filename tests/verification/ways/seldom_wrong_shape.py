"""The gradients of the biases are rows at every 70th call."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    if next(calls) % 70 == 0:
        db = [g[None, :] for g in db]
    return dW, db
