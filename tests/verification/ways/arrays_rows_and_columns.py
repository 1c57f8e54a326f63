"""The tanh goes through rows and columns, and knows no other arrays."""

import numpy as np
from honest import *  # noqa: F403


def tanh(z):
    n, k = z.shape
    found = np.empty((n, k), z.dtype)
    for i in range(n):
        for j in range(k):
            found[i, j] = np.tanh(z[i, j])
    return found
