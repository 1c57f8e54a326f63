"""The ReLU is half of z and its absolute value."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Absolute(honest.Honest):
    def relu(self, z):
        return (z + np.abs(z)) / 2

    def relu_prime(self, z):
        return (1 + np.sign(z)) // 2 * (z != 0)


globals().update(honest.functions_of(Absolute()))
