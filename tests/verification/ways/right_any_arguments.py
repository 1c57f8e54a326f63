"""It takes its arguments by name or place, asserts that they fit, and makes arrays of them."""

import honest
import numpy as np
from honest import *  # noqa: F403


def checked(weights, biases, x, activations):
    x = np.asarray(x)
    weights, biases = [np.array(W) for W in weights], [np.array(b) for b in biases]
    assert x.ndim == 2
    assert len(weights) == len(biases) == len(activations)
    received = x.shape[1]
    for W, b in zip(weights, biases, strict=True):
        assert W.shape == (len(b), received)
        received = len(b)
    return weights, biases, x, tuple(activations)


def forward(*arguments, **named):
    return honest.forward(*checked(*arguments, **named))


def backward(weights, biases, x, y, activations, loss="half_squared_error_mean", **options):
    assert not options
    weights, biases, x, activations = checked(weights, biases, x, activations)
    assert y.shape == (len(x), len(biases[-1]))
    return honest.backward(weights, biases, x, y, activations, loss)
