"""The way back pops the weights from the list that it was given."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    gradients = honest.backward(weights, biases, x, y, activations, loss)
    while weights:
        weights.pop()
    return gradients
