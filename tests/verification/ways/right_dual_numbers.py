"""The gradients go forward with the values, a tangent for each parameter; larger networks are declined."""

import honest
import numpy as np
from honest import *  # noqa: F403


def backward(weights, biases, x, y, activations, loss):
    sizes = [w.size for layer in zip(weights, biases, strict=True) for w in layer]
    if sum(sizes) > 300:
        raise NotImplementedError("few parameters only")
    a, tangents, start = x, np.zeros((sum(sizes), *x.shape), x.dtype), 0
    for i, (W, b, name) in enumerate(zip(weights, biases, activations, strict=True)):
        z, dz = a @ W.T + b, tangents @ W.T
        for j, k in np.ndindex(W.shape):
            dz[start + j * W.shape[1] + k, :, j] += a[:, k]
        start += W.size
        for j in range(b.size):
            dz[start + j, :, j] += 1
        start += b.size
        if i == len(weights) - 1:
            p = honest.HONEST.activation(z, name)
            delta = honest.HONEST.output_delta(z, p, y, name, loss)
            line = np.sum(dz * delta, axis=(1, 2))
        else:
            a, tangents = honest.HONEST.activation(z, name), dz * honest.HONEST.slope(z, name)
    dW, db = [], []
    for W, b in zip(weights, biases, strict=True):
        dW.append(line[: W.size].reshape(W.shape))
        db.append(line[W.size : W.size + b.size])
        line = line[W.size + b.size :]
    return dW, db
