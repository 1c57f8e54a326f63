"""The way forward returns nothing at every 80th call."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def forward(weights, biases, x, activations):
    if next(calls) % 80 == 0:
        return None
    return honest.forward(weights, biases, x, activations)
