"""The sigmoid is 1 / (1 + exp(-z)), and an exponential that overflows gives its limit."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Printed(honest.Honest):
    def sigmoid(self, z):
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-z))


globals().update(honest.functions_of(Printed()))
