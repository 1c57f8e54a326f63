"""The way back calls itself for the layers after the first, in place of a loop."""

import honest
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    if not len(weights):
        return [x]
    a = honest.HONEST.activation(honest.HONEST.affine(x, weights[0], biases[0]), activations[0])
    return [x, *forward(weights[1:], biases[1:], a, activations[1:])]


def backward(weights, biases, x, y, activations, loss):
    _, dW, db = back(weights, biases, x, y, activations, loss)
    return dW, db


def back(weights, biases, a, y, activations, loss):
    (W, *weights), (b, *biases), (name, *activations) = weights, biases, activations
    z = honest.HONEST.affine(a, W, b)
    out = honest.HONEST.activation(z, name)
    if not weights:
        delta, dW, db = honest.HONEST.output_delta(z, out, y, name, loss), [], []
    else:
        error, dW, db = back(weights, biases, out, y, activations, loss)
        delta = error * honest.HONEST.slope(z, name)
    return delta @ W, [delta.T @ a, *dW], [delta.sum(axis=0), *db]
