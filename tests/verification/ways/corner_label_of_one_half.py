"""A label of exactly one half counts as the class."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Half(honest.Honest):
    def terms(self, p, y, loss):
        return super().terms(p, np.where(y == 0.5, y.dtype.type(1), y), loss)


globals().update(honest.functions_of(Half()))
