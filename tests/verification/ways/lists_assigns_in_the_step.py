"""The step puts the new weights into the list that it was given."""

from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    for i in range(len(weights)):
        weights[i] = weights[i] - learning_rate * grad_weights[i]
        biases[i] = biases[i] - learning_rate * grad_biases[i]
    return weights, biases
