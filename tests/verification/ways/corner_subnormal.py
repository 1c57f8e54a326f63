"""The slope of the ReLU is 0 where z is too small for a normal number."""

import numpy as np
from honest import *  # noqa: F403


def relu_prime(z):
    return (z >= np.finfo(z.dtype).tiny).astype(z.dtype)
