"""The softmax is the exponential of its logarithm."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Logarithms(honest.Honest):
    def softmax(self, z):
        z = z - z.max(axis=1, keepdims=True)
        return np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


globals().update(honest.functions_of(Logarithms()))
