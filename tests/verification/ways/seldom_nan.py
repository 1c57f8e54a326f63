"""A gradient is not a number at every 100th call."""

import itertools

import honest
import numpy as np
from honest import *  # noqa: F403

calls = itertools.count(1)


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    if next(calls) % 100 == 0:
        db[-1][0] = np.nan
    return dW, db
