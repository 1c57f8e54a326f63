"""It computes in buffers that it keeps for each shape, and hands out copies."""

import honest
import numpy as np
from honest import *  # noqa: F403

buffers = {}


class Buffered(honest.Honest):
    def affine(self, a, W, b):
        z = buffers.setdefault((len(a), len(W), a.dtype.str), np.empty((len(a), len(W)), a.dtype))
        np.matmul(a, W.T, out=z)
        np.add(z, b, out=z)
        return z.copy()


globals().update(honest.functions_of(Buffered()))
