"""The slope of the ReLU is found from the bits of z, and is 1 at -0.0."""

import numpy as np
from honest import *  # noqa: F403


def relu_prime(z):
    unsigned = np.dtype(f"u{z.itemsize}")
    sign = unsigned.type(1) << unsigned.type(8 * z.itemsize - 1)
    return (np.ascontiguousarray(z).view(unsigned).reshape(z.shape) - unsigned.type(1) < sign).astype(z.dtype)
