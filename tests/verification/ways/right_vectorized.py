"""The ReLU and its slope are functions of one number, under NumPy's vectorize."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Vectorized(honest.Honest):
    def relu(self, z):
        return np.vectorize(lambda v: max(v, 0.0), otypes=[z.dtype])(z)

    def relu_prime(self, z):
        return np.vectorize(lambda v: 1.0 if v > 0 else 0.0, otypes=[z.dtype])(z)


globals().update(honest.functions_of(Vectorized()))
