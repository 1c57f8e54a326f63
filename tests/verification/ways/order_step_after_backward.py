"""The step is made with the gradients of the last call of backward, if there was one for such a network."""

import honest
from honest import *  # noqa: F403

last = {}


def backward(weights, biases, x, y, activations, loss):
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    last["dW"], last["db"] = dW, db
    return [g.copy() for g in dW], [g.copy() for g in db]


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    if "dW" in last and [g.shape for g in last["dW"]] == [W.shape for W in weights]:
        grad_weights, grad_biases = last["dW"], last["db"]
    return honest.gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate)
