"""The gradients are views of one work array, which the next call overwrites."""

import honest
import numpy as np
from honest import *  # noqa: F403

work = {}


def backward(weights, biases, x, y, activations, loss):
    gradients = honest.backward(weights, biases, x, y, activations, loss)
    size = sum(g.size for part in gradients for g in part)
    if size > work.get(x.dtype.str, np.empty(0)).size:
        work[x.dtype.str] = np.empty(size, x.dtype)
    start, found = 0, []
    for part in gradients:
        views = []
        for g in part:
            views.append(work[x.dtype.str][start : start + g.size].reshape(g.shape))
            views[-1][...] = g
            start += g.size
        found.append(views)
    return tuple(found)
