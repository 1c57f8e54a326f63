"""The step has a momentum: it goes on where the last step with weights of these shapes went."""

import honest
from honest import *  # noqa: F403

velocity = {}


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    key = (tuple(W.shape for W in weights), weights[0].dtype.str)
    old_W, old_b = velocity.get(key, ([0] * len(weights), [0] * len(weights)))
    new_W = [g + v * g.dtype.type(0.9) for g, v in zip(grad_weights, old_W, strict=True)]
    new_b = [g + v * g.dtype.type(0.9) for g, v in zip(grad_biases, old_b, strict=True)]
    velocity[key] = new_W, new_b
    return honest.gradient_descent_step(weights, biases, new_W, new_b, learning_rate)
