"""Samples that occur several times go forward once."""

import honest
import numpy as np
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    distinct, which = np.unique(x.view(f"u{x.itemsize}"), axis=0, return_inverse=True)
    outputs = honest.forward(weights, biases, distinct.view(x.dtype), activations)
    return [a[which.ravel()] for a in outputs]
