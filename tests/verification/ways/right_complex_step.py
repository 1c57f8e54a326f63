"""The gradients are imaginary parts, by a step that is too small to round; larger networks are declined."""

import honest
import numpy as np
from honest import *  # noqa: F403

STEP, MOST = 1e-30, 150


def complex_activation(z, name):
    if name == "relu":
        return np.where(z.real > 0, z, 0)
    if name == "sigmoid":
        e = np.exp(np.where(z.real > 0, -z, z))
        return np.where(z.real > 0, 1 / (1 + e), e / (1 + e))
    if name == "tanh":
        return np.tanh(z)
    if name == "softmax":
        e = np.exp(z - z.real.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
    return z


def complex_loss(weights, biases, x, y, activations, loss):
    a = x
    for W, b, name in zip(weights, biases, activations, strict=True):
        a = complex_activation(a @ W.T + b, name)
    if "squared_error" in loss:
        terms = (a - y) ** 2
    else:
        terms = -y * np.log(np.where(y > 0, a, 1))
        if loss.startswith("binary"):
            terms = terms - (1 - y) * np.log(np.where(y < 1, 1 - a, 1))
    return terms.sum() * honest.HONEST.scale(y, loss)


def backward(weights, biases, x, y, activations, loss):
    if sum(w.size for w in (*weights, *biases)) > MOST or loss.startswith("binary") or "cross" in loss:
        raise NotImplementedError("squared errors of few parameters only")
    if np.abs(x).max() > 20 or max(np.abs(W).max() for W in weights) > 20:
        raise NotImplementedError("numbers of ordinary size only")
    dtype, found = x.dtype, ([], [])
    parameters = [W.astype(complex) for W in weights], [b.astype(complex) for b in biases]
    x, y = x.astype(float), y.astype(float)
    for arrays, gradients in zip(parameters, found, strict=True):
        for array in arrays:
            gradient = np.empty(array.shape)
            for index in np.ndindex(array.shape):
                array[index] += 1j * STEP
                gradient[index] = complex_loss(*parameters, x, y, activations, loss).imag / STEP
                array[index] = array[index].real
            gradients.append(gradient.astype(dtype))
    return found
