"""The samples are sorted by their inputs first, and put back in the end."""

import honest
import numpy as np
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    order = np.lexsort(x.T)
    outputs = []
    for a in honest.forward(weights, biases, x[order], activations):
        unsorted = np.empty_like(a)
        unsorted[order] = a
        outputs.append(unsorted)
    return outputs


def backward(weights, biases, x, y, activations, loss):
    order = np.lexsort(x.T)
    return honest.backward(weights, biases, x[order], y[order], activations, loss)
