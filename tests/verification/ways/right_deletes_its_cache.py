"""The way forward keeps a cache in a module's dictionary, and the way back fills it, reads it and deletes it."""

import honest
from honest import *  # noqa: F403

cache = {}


def forward(weights, biases, x, activations):
    cache.clear()
    cache["a0"] = x
    for i, (W, b, name) in enumerate(zip(weights, biases, activations, strict=True), 1):
        cache[f"z{i}"] = cache[f"a{i - 1}"] @ W.T + b
        cache[f"a{i}"] = honest.HONEST.activation(cache[f"z{i}"], name)
    return [cache[f"a{i}"].copy() for i in range(len(weights) + 1)]


def backward(weights, biases, x, y, activations, loss):
    forward(weights, biases, x, activations)
    L = len(weights)
    outputs = [cache[f"a{i}"] for i in range(L + 1)]
    zs = [cache[f"z{i}"] for i in range(1, L + 1)]
    cache.clear()
    return honest.HONEST.gradients(weights, outputs, zs, y, activations, loss)
