"""The gradients of layers with the same shape are one and the same array."""

import honest
import numpy as np
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    place = {}
    for g in (*dW, *db):
        place.setdefault(g.shape, np.zeros_like(g))[...] = g
    return [place[g.shape] for g in dW], [place[g.shape] for g in db]
