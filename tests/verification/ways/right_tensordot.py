"""Every product is a tensordot, and the sum over the samples a product with ones."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Tensordot(honest.Honest):
    def affine(self, a, W, b):
        return np.add(np.tensordot(a, W, axes=(1, 1)), b)

    def error_back(self, delta, W):
        return np.tensordot(delta, W, axes=(1, 0))

    def weight_gradient(self, delta, a):
        return np.tensordot(delta, a, axes=(0, 0))

    def bias_gradient(self, delta):
        return np.dot(np.ones(len(delta), delta.dtype), delta)


globals().update(honest.functions_of(Tensordot()))
