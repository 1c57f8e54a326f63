"""The gradients start from the error that the last call of loss has found, if it is of the right shape."""

import honest
from honest import *  # noqa: F403

last = {}


def loss(prediction, y, loss):
    last["error"] = prediction - y
    return honest.loss(prediction, y, loss)


def backward(weights, biases, x, y, activations, loss):
    outputs, zs = honest.HONEST.propagate(weights, biases, x, activations)
    if "error" in last and last["error"].shape == y.shape and last["error"].dtype == y.dtype:
        y = outputs[-1] - last["error"]
    return honest.HONEST.gradients(weights, outputs, zs, y, activations, loss)
