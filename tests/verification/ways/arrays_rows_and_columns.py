"""The sigmoid goes through rows and columns, and knows no other arrays."""

import honest
import numpy as np
from honest import *  # noqa: F403


def sigmoid(z):
    n, k = z.shape
    found = np.empty((n, k), z.dtype)
    for i in range(n):
        for j in range(k):
            found[i, j] = honest.sigmoid(z[i, j])
    return found
