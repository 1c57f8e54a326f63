"""The activations are sorted to see which there are, and stay sorted."""

import honest
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    outputs = honest.forward(weights, biases, x, list(activations))
    activations.sort()
    if activations[0] not in ("identity", "relu", "sigmoid", "softmax", "tanh"):
        raise ValueError(activations[0])
    return outputs
