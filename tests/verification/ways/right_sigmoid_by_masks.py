"""The sigmoid fills in its two branches by masks."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Masks(honest.Honest):
    def sigmoid(self, z):
        z = np.asarray(z)
        a = np.empty_like(z)
        positive = z >= 0
        a[positive] = 1 / (1 + np.exp(-z[positive]))
        e = np.exp(z[~positive])
        a[~positive] = e / (1 + e)
        return a


globals().update(honest.functions_of(Masks()))
