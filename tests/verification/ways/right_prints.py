"""It prints while it works."""

import itertools
import sys

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    if next(calls) % 100 == 1:
        print("backward", len(weights), "layers", x.shape)  # noqa: T201
        print("loss", loss, file=sys.stderr)  # noqa: T201
    return honest.backward(weights, biases, x, y, activations, loss)
