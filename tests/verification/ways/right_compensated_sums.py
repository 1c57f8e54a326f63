"""The sums over the samples carry along what rounding has lost."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Compensated(honest.Honest):
    def bias_gradient(self, delta):
        total, lost = delta[0].copy(), np.zeros_like(delta[0])
        for row in delta[1:]:
            term = row - lost
            new = total + term
            lost = (new - total) - term
            total = new
        return total


globals().update(honest.functions_of(Compensated()))
