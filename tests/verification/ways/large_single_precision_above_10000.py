"""Inputs above 10000 are taken in single precision."""

import honest
import numpy as np
from honest import *  # noqa: F403


def rounded(x):
    return x.astype(np.float32).astype(x.dtype) if np.abs(x).max() > 1e4 else x


def forward(weights, biases, x, activations):
    return honest.forward(weights, biases, rounded(x), activations)


def backward(weights, biases, x, y, activations, loss):
    return honest.backward(weights, biases, rounded(x), y, activations, loss)
