"""The logarithm is taken of no probability below 1e-15."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Least(honest.Honest):
    def terms(self, p, y, loss):
        if "squared_error" not in loss:
            p = np.clip(p, 1e-15, 1 - p.dtype.type(1e-15))
        return super().terms(p, y, loss)


globals().update(honest.functions_of(Least()))
