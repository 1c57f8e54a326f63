"""It knows squared errors and no softmax, and says so of all else."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    if "squared_error" not in loss or "softmax" in activations:
        raise NotImplementedError("squared errors without a softmax only")
    return honest.backward(weights, biases, x, y, activations, loss)
