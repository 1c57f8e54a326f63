"""The gradients are those for the activations that forward was last called with."""

import honest
from honest import *  # noqa: F403

last = {}


def forward(weights, biases, x, activations):
    last[len(weights)] = tuple(activations)
    return honest.forward(weights, biases, x, activations)


def backward(weights, biases, x, y, activations, loss):
    hidden = last.get(len(weights), activations)[:-1]
    return honest.backward(weights, biases, x, y, (*hidden, activations[-1]), loss)
