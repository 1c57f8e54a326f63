"""What it hands out lies in the memory column by column."""

import honest
import numpy as np
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    return [np.asfortranarray(a) for a in honest.forward(weights, biases, x, activations)]


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    return [np.asfortranarray(g) for g in dW], db
