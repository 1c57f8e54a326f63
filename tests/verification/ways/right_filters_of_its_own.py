"""It filters warnings from import on, so that its logarithms of zero are silent."""

import warnings

import honest
import numpy as np
from honest import *  # noqa: F403

warnings.filterwarnings("ignore", message="divide by zero", category=RuntimeWarning)
warnings.filterwarnings("ignore", message="invalid value", category=RuntimeWarning)


class Silent(honest.Honest):
    def terms(self, p, y, loss):
        if "squared_error" in loss:
            return (p - y) ** 2
        first = np.where(y == 0, 0, y * np.log(p))
        if loss.startswith("cross"):
            return -first
        return -(first + np.where(y == 1, 0, (1 - y) * np.log(1 - p)))


globals().update(honest.functions_of(Silent()))
