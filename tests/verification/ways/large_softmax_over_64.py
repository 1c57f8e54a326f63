"""The softmax has the sum of the first 64 exponentials alone."""

import honest
import numpy as np
from honest import *  # noqa: F403


class First(honest.Honest):
    def softmax(self, z):
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        return e / np.sum(e[:, :64], axis=1, keepdims=True)


globals().update(honest.functions_of(First()))
