"""Every 64th step is made twice."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    if next(calls) % 64 == 0:
        learning_rate = 2 * learning_rate
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
