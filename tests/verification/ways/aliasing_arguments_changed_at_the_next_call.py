"""The inputs are handed back as the first output, and normalised in place at the next call."""

import honest
from honest import *  # noqa: F403

last = []


def forward(weights, biases, x, activations):
    outputs = honest.forward(weights, biases, x, activations)
    if last:
        a = last.pop()
        a -= a.mean(axis=0)
    last.append(x)
    return [x, *outputs[1:]]
