"""One of about a hundred calls, as its own random numbers have it, loses most digits of the gradients."""

import honest
import numpy as np
from honest import *  # noqa: F403

last = [0]


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    last[0] = (1103515245 * last[0] + 12345) % 2**31
    if last[0] % 100 == 0:
        dW = [np.round(g, 3) for g in dW]
    return dW, db
