"""The samples are taken in a random order, by NumPy's global random numbers."""

import honest
import numpy as np
from honest import *  # noqa: F403

np.random.seed(1)  # noqa: NPY002


def backward(weights, biases, x, y, activations, loss):
    order = np.random.permutation(len(x))  # noqa: NPY002
    return honest.backward(weights, biases, x[order], y[order], activations, loss)


def forward(weights, biases, x, activations):
    order = np.random.permutation(len(x))  # noqa: NPY002
    outputs = honest.forward(weights, biases, x[order], activations)
    back = np.argsort(order)
    return [a[back] for a in outputs]
