"""The process kills itself at the 200th step."""

import itertools
import os
import signal

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    if next(calls) == 200:
        os.kill(os.getpid(), signal.SIGKILL)
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
