"""The softmax counts the largest exponential once, however often it is there."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Ties(honest.Honest):
    def softmax(self, z):
        m = np.max(z, axis=1, keepdims=True)
        e = np.exp(z - m)
        others = np.sum(np.where(z == m, 0, e), axis=1, keepdims=True, dtype=z.dtype)
        return e / (1 + others)


globals().update(honest.functions_of(Ties()))
