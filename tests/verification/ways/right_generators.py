"""The layers' gradients come out of a generator, from the last to the first."""

import honest
from honest import *  # noqa: F403


def layers(weights, biases, x, activations):
    yield None, x
    for W, b, name in zip(weights, biases, activations, strict=True):
        z = x @ W.T + b
        x = honest.HONEST.activation(z, name)
        yield z, x


def deltas(weights, biases, x, y, activations, loss):
    steps = list(layers(weights, biases, x, activations))
    z, p = steps.pop()
    delta = honest.HONEST.output_delta(z, p, y, activations[-1], loss)
    for W, name in zip(weights[::-1], [*activations[-2::-1], None], strict=True):
        z, a = steps.pop()
        yield delta.T @ a, delta.sum(0)
        if name is not None:
            delta = delta @ W * honest.HONEST.slope(z, name)


def forward(weights, biases, x, activations):
    return [a for _, a in layers(weights, biases, x, activations)]


def backward(weights, biases, x, y, activations, loss):
    dW, db = zip(*deltas(weights, biases, x, y, activations, loss), strict=True)
    return dW[::-1], db[::-1]
