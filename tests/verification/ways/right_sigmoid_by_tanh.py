"""The sigmoid is half of a tanh for what is positive, and an exponential of it for what is negative."""

import honest
import numpy as np
from honest import *  # noqa: F403


class ByTanh(honest.Honest):
    def sigmoid(self, z):
        a = (1 + np.tanh(np.abs(z) / 2)) / 2
        return np.where(z >= 0, a, a * np.exp(-np.abs(z)))

    def sigmoid_prime(self, z):
        return self.sigmoid(z) * self.sigmoid(-z)


globals().update(honest.functions_of(ByTanh()))
