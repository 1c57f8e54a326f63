"""The learning rate is at most one."""

import honest
from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, min(learning_rate, 1.0))
