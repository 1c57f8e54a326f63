"""The learning rate becomes a billionth less with every step."""

import honest
from honest import *  # noqa: F403

steps = 0


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    global steps
    steps += 1
    learning_rate = learning_rate * (1 - 1e-9) ** steps
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
