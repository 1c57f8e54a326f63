"""Products are sums over blocks of 16 features, with what is left as a last block."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Blocks(honest.Honest):
    def affine(self, a, W, b):
        z = np.zeros((len(a), len(W)), a.dtype)
        for i in range(0, W.shape[1], 16):
            z += a[:, i : i + 16] @ W[:, i : i + 16].T
        return z + b

    def weight_gradient(self, delta, a):
        return sum(delta[i : i + 16].T @ a[i : i + 16] for i in range(0, len(a), 16))


globals().update(honest.functions_of(Blocks()))
