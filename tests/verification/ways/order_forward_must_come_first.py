"""There are no gradients unless forward was called with these inputs just before."""

import honest
import numpy as np
from honest import *  # noqa: F403

last = {}


def forward(weights, biases, x, activations):
    last["x"], last["found"] = x.copy(), honest.HONEST.propagate(weights, biases, x, activations)
    return [a.copy() for a in last["found"][0]]


def backward(weights, biases, x, y, activations, loss):
    if "x" not in last or not np.array_equal(last["x"], x, equal_nan=True):
        raise RuntimeError("call forward first")
    return honest.backward(weights, biases, x, y, activations, loss)
