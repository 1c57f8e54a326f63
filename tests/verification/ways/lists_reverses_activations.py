"""The way back turns the list of activations round, and leaves it like that."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    outputs, zs = honest.HONEST.propagate(weights, biases, x, activations)
    gradients = honest.HONEST.gradients(weights, outputs, zs, y, list(activations), loss)
    activations.reverse()
    return gradients
