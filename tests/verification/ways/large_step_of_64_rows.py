"""The step leaves all rows of the weights after the 64th as they are."""

import honest
from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    new_W, new_b = honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
    for W, new in zip(weights, new_W, strict=True):
        new[64:] = W[64:]
    return new_W, new_b
