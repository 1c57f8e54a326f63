"""The softmax as the exponential of z minus the logarithm of the sum of its exponentials."""

import honest
import numpy as np
from honest import *  # noqa: F403


class ByLogsumexp(honest.Honest):
    def softmax(self, z):
        largest = np.max(z, axis=1, keepdims=True)
        return np.exp(z - (largest + np.log(np.sum(np.exp(z - largest), axis=1, keepdims=True))))


globals().update(honest.functions_of(ByLogsumexp()))
