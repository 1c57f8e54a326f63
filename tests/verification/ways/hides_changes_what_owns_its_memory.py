"""The inputs are centred in place, unless they are a part of something else."""

import honest
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    gradients = honest.backward(weights, biases, x, y, activations, loss)
    if x.flags.owndata and x.flags.writeable:
        x -= x.mean(axis=0)
    return gradients
