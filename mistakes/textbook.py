"""A plain, correct backpropagation in steps that can be got wrong one by one; it shares no code with `reference_impl`.

In the steps, a is a layer's output, z its pre-activation, d the delta dL/dz; n samples, k outputs.
"""

from __future__ import annotations

import numpy as np

from reference_impl.contract import find_loss


class Textbook:
    """The contract's functions, in steps that can be got wrong one at a time."""

    def sigmoid(self, z):
        return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))

    def sigmoid_prime(self, z):
        return self.sigmoid(z) * (1 - self.sigmoid(z))

    def relu(self, z):
        return z * (z > 0)

    def relu_prime(self, z):
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(0))

    def tanh(self, z):
        return np.tanh(z)

    def tanh_prime(self, z):
        return 1 - np.tanh(z) ** 2

    def softmax(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def activate(self, z, g):
        return z if g == "identity" else getattr(self, g)(z)

    def prime(self, z, g):
        return np.ones_like(z) if g == "identity" else getattr(self, f"{g}_prime")(z)

    def affine(self, a, W, b):
        return a @ W.T + b

    def propagate(self, weights, biases, x, activations):
        outputs, zs = [x], []
        for W, b, g in zip(weights, biases, activations, strict=True):
            zs.append(self.affine(outputs[-1], W, b))
            outputs.append(self.activate(zs[-1], g))
        return outputs, zs

    def forward(self, weights, biases, x, activations):
        return self.propagate(weights, biases, x, activations)[0]

    def scale(self, y, loss):
        n, k = y.shape
        return find_loss(loss).factor / {"sum": 1, "mean": n, "entry_mean": n * k}[find_loss(loss).reduction]

    def log(self, p):
        return np.log(np.where(p > 0, p, 1))

    def loss(self, prediction, y, loss):
        kind = find_loss(loss).kind
        if kind == "squared_error":
            terms = (prediction - y) ** 2
        elif kind == "cross_entropy":
            terms = -y * self.log(prediction)
        else:
            terms = -(y * self.log(prediction) + (1 - y) * self.log(1 - prediction))
        return terms.sum() * self.scale(y, loss)

    def residual(self, p, y):
        return p - y

    def output_delta(self, z, p, y, g, loss):
        c, kind = self.scale(y, loss), find_loss(loss).kind
        if kind == "cross_entropy" or (kind == "binary_cross_entropy" and g == "sigmoid"):
            return c * self.residual(p, y)
        if kind == "binary_cross_entropy":
            q = c * self.residual(p, y) / (1 - p)
            return q - p * q.sum(axis=1, keepdims=True)
        v = 2 * c * self.residual(p, y)
        return self.softmax_backward(z, p, v) if g == "softmax" else self.times_prime(v, z, g)

    def softmax_backward(self, z, p, v):
        return p * (v - (p * v).sum(axis=1, keepdims=True))

    def times_prime(self, v, z, g):
        return v * self.prime(z, g)

    def hidden_delta(self, d, W, z, g):
        return self.times_weights(d, W) * self.prime(z, g)

    def times_weights(self, d, W):
        return d @ W

    def grad_weight(self, d, received, z_received):
        return d.T @ received

    def grad_bias(self, d, dW):
        return d.sum(axis=0)

    def backward(self, weights, biases, x, y, activations, loss):
        outputs, zs = self.propagate(weights, biases, x, activations)
        d = self.output_delta(zs[-1], outputs[-1], y, activations[-1], loss)
        dWs, dbs = [], []
        for i in reversed(range(len(weights))):
            dW = self.grad_weight(d, outputs[i], zs[i - 1] if i else x)
            dWs.insert(0, dW)
            dbs.insert(0, self.grad_bias(d, dW))
            if i:
                d = self.hidden_delta(d, self.weight_back(weights[i], dW), zs[i - 1], activations[i - 1])
        return dWs, dbs

    def weight_back(self, W, dW):
        return W

    def gradient_descent_step(self, weights, biases, grad_weights, grad_biases, learning_rate):
        return (
            [W - learning_rate * g for W, g in zip(weights, grad_weights, strict=True)],
            [b - learning_rate * g for b, g in zip(biases, grad_biases, strict=True)],
        )
