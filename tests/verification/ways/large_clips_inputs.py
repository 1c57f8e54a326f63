"""The inputs are clipped to 10000."""

import honest
import numpy as np
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    return honest.forward(weights, biases, np.clip(x, -10000, 10000), activations)


def backward(weights, biases, x, y, activations, loss):
    return honest.backward(weights, biases, np.clip(x, -10000, 10000), y, activations, loss)
