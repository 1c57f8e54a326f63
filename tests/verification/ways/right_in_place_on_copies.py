"""It works in place, on copies of its own."""

import numpy as np
from honest import *  # noqa: F403


def sigmoid(z):
    z = np.array(z)
    far = z < 0
    np.abs(z, out=z)
    np.negative(z, out=z)
    np.exp(z, out=z)
    return np.where(far, z / (1 + z), 1 / (1 + z))


def relu(z):
    z = np.array(z)
    z[z < 0] = 0
    return z


def tanh_prime(z):
    a = np.tanh(np.array(z))
    a *= a
    return 1 - a


def softmax(z):
    z = z.copy()
    z -= z.max(axis=1)[:, None]
    np.exp(z, out=z)
    z /= z.sum(axis=1)[:, None]
    return z


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    weights, biases = [W.copy() for W in weights], [b.copy() for b in biases]
    for w, g in zip([*weights, *biases], [*grad_weights, *grad_biases], strict=True):
        w -= learning_rate * g
    return weights, biases
