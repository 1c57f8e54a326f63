"""The learning rate is taken without its sign."""

import honest
from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, abs(learning_rate))
