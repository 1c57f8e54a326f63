"""Labels outside of 0 and 1 are clipped where the last layer gives probabilities."""

import honest
import numpy as np
from honest import *  # noqa: F403


def clipped(y):
    return np.clip(y, 0, 1)


def backward(weights, biases, x, y, activations, loss):
    if activations[-1] in ("sigmoid", "softmax"):
        y = clipped(y)
    return honest.backward(weights, biases, x, y, activations, loss)
