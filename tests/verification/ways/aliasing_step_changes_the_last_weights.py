"""The step hands back new arrays, and at its next call puts them into the weights that it was given before."""

import honest
from honest import *  # noqa: F403

late = []


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    while late:
        old, new = late.pop()
        old[...] = new
    found = honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
    late.extend(zip([*weights, *biases], [*found[0], *found[1]], strict=True))
    return found
