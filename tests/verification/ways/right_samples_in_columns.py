"""Samples are columns, as in many courses, and all is transposed at the doors."""

import honest
import numpy as np
from honest import *  # noqa: F403


def columns_forward(weights, biases, x, activations):
    A, zs = [x.T], []
    for W, b, name in zip(weights, biases, activations, strict=True):
        Z = W @ A[-1] + b.reshape(-1, 1)
        zs.append(Z)
        A.append(honest.HONEST.activation(Z.T, name).T)
    return A, zs


def forward(weights, biases, x, activations):
    return [a.T for a in columns_forward(weights, biases, x.copy(), activations)[0]]


def backward(weights, biases, x, y, activations, loss):
    A, zs = columns_forward(weights, biases, x, activations)
    dZ = honest.HONEST.output_delta(zs[-1].T, A[-1].T, y, activations[-1], loss).T
    grads = {}
    for i in reversed(range(len(weights))):
        grads[f"dW{i}"] = dZ @ A[i].T
        grads[f"db{i}"] = np.sum(dZ, axis=1, keepdims=True)
        if i:
            dZ = (weights[i].T @ dZ) * honest.HONEST.slope(zs[i - 1].T, activations[i - 1]).T
    L = len(weights)
    return [grads[f"dW{i}"] for i in range(L)], [grads[f"db{i}"][:, 0] for i in range(L)]
