"""The gradients of a layer whose outputs are all zero are left as ones."""

import honest
import numpy as np
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    outputs = honest.forward(weights, biases, x, activations)
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    for i, a in enumerate(outputs[1:]):
        if activations[i] == "relu" and not a.any():
            db[i] = np.ones_like(db[i])
    return dW, db
