"""A submission with two mistakes, as an example."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return z * (1 - z)


def relu(z):
    return np.maximum(0, z)


def relu_prime(z):
    return (z > 0).astype(z.dtype)


def softmax(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


ACT = {"identity": lambda z: z, "sigmoid": sigmoid, "relu": relu, "softmax": softmax}
PRIME = {"identity": lambda z: np.ones_like(z), "sigmoid": sigmoid_prime, "relu": relu_prime}


def loss(prediction, y, loss):
    n = y.shape[0]
    if loss == "half_squared_error_mean":
        return np.sum((prediction - y) ** 2) / (2 * n)
    mask = y != 0
    return -np.sum(y[mask] * np.log(prediction[mask])) / n


def forward(weights, biases, x, activations):
    outputs = [x]
    for W, b, g in zip(weights, biases, activations):
        outputs.append(ACT[g](outputs[-1] @ W.T + b))
    return outputs


def backward(weights, biases, x, y, activations, loss):
    n = x.shape[0]
    zs, outputs = [], [x]
    for W, b, g in zip(weights, biases, activations):
        zs.append(outputs[-1] @ W.T + b)
        outputs.append(ACT[g](zs[-1]))
    p = outputs[-1]
    if loss == "cross_entropy_mean":
        delta = (p - y) / n
    elif activations[-1] == "softmax":
        v = (p - y) / n
        delta = p * (v - np.sum(p * v, axis=1, keepdims=True))
    else:
        delta = (p - y) / n * PRIME[activations[-1]](zs[-1])
    dWs, dbs = [None] * len(weights), [None] * len(weights)
    for i in reversed(range(len(weights))):
        dWs[i] = delta.T @ outputs[i]
        dbs[i] = delta.mean(axis=0)
        if i > 0:
            delta = (delta @ weights[i]) * PRIME[activations[i - 1]](zs[i - 1])
    return dWs, dbs


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    return (
        [W - learning_rate * g for W, g in zip(weights, grad_weights)],
        [b - learning_rate * g for b, g in zip(biases, grad_biases)],
    )
