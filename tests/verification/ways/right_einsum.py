"""Every product is an einsum."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Einsum(honest.Honest):
    def affine(self, a, W, b):
        return np.einsum("sj,ij->si", a, W) + b

    def error_back(self, delta, W):
        return np.einsum("si,ij->sj", delta, W)

    def weight_gradient(self, delta, a):
        return np.einsum("si,sj->ij", delta, a)

    def bias_gradient(self, delta):
        return np.einsum("si->i", delta)


globals().update(honest.functions_of(Einsum()))
