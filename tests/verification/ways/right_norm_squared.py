"""The squared error is the square of a norm."""

import honest
import numpy as np
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    if "squared_error" not in loss:
        return honest.loss(prediction, y, loss)
    return float(honest.HONEST.scale(y, loss) * np.linalg.norm(prediction - y) ** 2)
