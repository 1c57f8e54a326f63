"""The sigmoid has NumPy raise for all that is unusual, and everything that is called later raises."""

import honest
import numpy as np
from honest import *  # noqa: F403


def sigmoid(z):
    np.seterr(all="raise")
    with np.errstate(all="ignore"):
        return honest.sigmoid(z)
