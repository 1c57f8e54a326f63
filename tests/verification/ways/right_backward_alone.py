"""It has the way back alone, and nothing else that would be asked for."""

from honest import HONEST


def backward(weights, biases, x, y, activations, loss):
    return HONEST.backward(weights, biases, x, y, activations, loss)
