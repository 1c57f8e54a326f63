"""The way forward puts something before the first weights, so that layers count from one."""

import honest
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    weights.insert(0, None)
    return honest.forward(weights[1:], biases, x, activations)
