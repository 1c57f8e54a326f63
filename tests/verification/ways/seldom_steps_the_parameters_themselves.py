"""At every 50th call the step changes the weights in place."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    found = honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
    if next(calls) % 50 == 0:
        for W, new in zip(weights, found[0], strict=True):
            W[...] = new
    return found
