"""The step writes the new weights into the memory of the gradients."""

import honest
from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    found = honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
    for g, new in zip([*grad_weights, *grad_biases], [*found[0], *found[1]], strict=True):
        g[...] = new
    return list(grad_weights), list(grad_biases)
