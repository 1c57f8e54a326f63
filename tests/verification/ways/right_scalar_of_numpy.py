"""The loss is a scalar of NumPy, of the arrays' dtype, and the learning rate is made one too."""

import honest
import numpy as np
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    return (honest.HONEST.terms(prediction, y, loss) * honest.HONEST.scale(y, loss)).sum()


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    alpha = np.asarray(learning_rate, dtype=weights[0].dtype)
    return (
        [np.subtract(W, np.multiply(alpha, g)) for W, g in zip(weights, grad_weights, strict=True)],
        [np.subtract(b, np.multiply(alpha, g)) for b, g in zip(biases, grad_biases, strict=True)],
    )
