"""The loss is a dot product of what is left flat."""

import honest
import numpy as np
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    scale = honest.HONEST.scale(y, loss)
    if "squared_error" in loss:
        error = (prediction - y).ravel()
        return np.dot(error, error) * prediction.dtype.type(scale)
    logarithms = np.log(np.where(y > 0, prediction, 1)).ravel()
    total = y.ravel() @ logarithms
    if loss.startswith("binary"):
        total += (1 - y).ravel() @ np.log1p(-np.where(y < 1, prediction, 0)).ravel()
    return -total * prediction.dtype.type(scale)
