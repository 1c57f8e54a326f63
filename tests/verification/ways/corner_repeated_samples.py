"""Of samples with the same inputs only the first counts for the gradient of the last biases."""

import honest
import numpy as np
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    outputs, zs = honest.HONEST.propagate(weights, biases, x, activations)
    delta = honest.HONEST.output_delta(zs[-1], outputs[-1], y, activations[-1], loss)
    first = np.sort(np.unique(x, axis=0, return_index=True)[1])
    dW, db = honest.HONEST.gradients(weights, outputs, zs, y, activations, loss)
    if len(first) < len(x):
        db[-1] = np.sum(delta[first], axis=0)
    return dW, db
