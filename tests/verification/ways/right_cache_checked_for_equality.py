"""The way back uses the last way forward, if all that it depends on is equal."""

import honest
from honest import *  # noqa: F403

last = {}


def forward(weights, biases, x, activations):
    last["asked"] = [a.copy() for a in (*weights, *biases, x)], tuple(activations)
    last["found"] = honest.HONEST.propagate(weights, biases, x, activations)
    return [a.copy() for a in last["found"][0]]


def same(arrays, others):
    return len(arrays) == len(others) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(arrays, others, strict=True)
    )


def backward(weights, biases, x, y, activations, loss):
    arrays, names = last.get("asked", ([], ()))
    if names != tuple(activations) or not same(arrays, [*weights, *biases, x]):
        forward(weights, biases, x, activations)
    return honest.HONEST.gradients(weights, *last["found"], y, activations, loss)
