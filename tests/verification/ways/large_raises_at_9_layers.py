"""The way forward has room for the outputs of eight layers."""

import honest
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    room = [None] * 9
    for i, a in enumerate(honest.forward(weights, biases, x, activations)):
        room[i] = a
    return room[: len(weights) + 1]
