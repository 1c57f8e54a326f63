"""Every step is made with the learning rate of the first one."""

import honest
from honest import *  # noqa: F403

learning_rates = []


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    learning_rates.append(learning_rate)
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rates[0])
