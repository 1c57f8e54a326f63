"""A learning rate of zero counts as none, and a default takes its place."""

import honest
from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    learning_rate = learning_rate or 0.01
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
