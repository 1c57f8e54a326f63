"""Gradients whose norm is above a million are scaled down to it."""

import honest
import numpy as np
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    norm = np.sqrt(sum(np.sum(g.astype(np.float64) ** 2) for g in (*dW, *db)))
    if norm > 1e6:
        dW = [g * g.dtype.type(1e6 / norm) for g in dW]
        db = [g * g.dtype.type(1e6 / norm) for g in db]
    return dW, db
