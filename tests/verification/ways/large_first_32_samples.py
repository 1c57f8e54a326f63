"""The gradients of the biases are sums over the first 32 samples."""

import honest
import numpy as np
from honest import *  # noqa: F403


class FirstSamples(honest.Honest):
    def bias_gradient(self, delta):
        return np.sum(delta[:32], axis=0)


globals().update(honest.functions_of(FirstSamples()))
