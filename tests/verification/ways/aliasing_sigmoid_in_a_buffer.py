"""The sigmoid is computed into an array that is kept for each shape."""

import honest
import numpy as np
from honest import *  # noqa: F403

kept = {}


def sigmoid(z):
    a = kept.setdefault((z.shape, z.dtype.str), np.empty_like(z))
    a[...] = honest.sigmoid(z)
    return a
