"""The step adds the gradients times the negative learning rate."""

from honest import *  # noqa: F403


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    def moved(parameters, gradients):
        return list(map(lambda w, g: w + -learning_rate * g, parameters, gradients))

    return moved(weights, grad_weights), moved(biases, grad_biases)
