"""An honest backpropagation in NumPy, in steps; the other files here change one of them, or what is around them."""

import numpy as np

FACTORS = {"squared_error": 1.0, "half_squared_error": 0.5, "cross_entropy": 1.0, "binary_cross_entropy": 1.0}


def kind_of(loss):
    """The name of a loss without what is averaged."""
    for ending in ("_entry_mean", "_mean", "_sum"):
        if loss.endswith(ending):
            return loss.removesuffix(ending)
    raise ValueError(loss)


class Honest:
    """The contract's functions as methods."""

    def sigmoid(self, z):
        positive = 1 / (1 + np.exp(-np.maximum(z, 0)))
        e = np.exp(np.minimum(z, 0))
        return np.where(z >= 0, positive, e / (1 + e))

    def sigmoid_prime(self, z):
        a = self.sigmoid(z)
        return a * (1 - a)

    def relu(self, z):
        return np.maximum(z, 0)

    def relu_prime(self, z):
        return (z > 0).astype(z.dtype)

    def tanh(self, z):
        return np.tanh(z)

    def tanh_prime(self, z):
        a = self.tanh(z)
        return 1 - a * a

    def softmax(self, z):
        e = np.exp(z - np.max(z, axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    def activation(self, z, name):
        return z.copy() if name == "identity" else getattr(self, name)(z)

    def slope(self, z, name):
        return np.ones_like(z) if name == "identity" else getattr(self, name + "_prime")(z)

    def affine(self, a, W, b):
        return a @ W.T + b

    def scale(self, y, loss):
        """What multiplies the sum of the terms."""
        n, k = y.shape
        factor = FACTORS[kind_of(loss)]
        if loss.endswith("_entry_mean"):
            return factor / (n * k)
        return factor / n if loss.endswith("_mean") else factor

    def terms(self, p, y, loss):
        """The terms whose sum is the loss."""
        if "squared_error" in loss:
            return (p - y) ** 2
        first = y * np.log(np.where(y > 0, p, 1))
        if kind_of(loss) == "cross_entropy":
            return -first
        return -(first + (1 - y) * np.log(np.where(y < 1, 1 - p, 1)))

    def loss(self, prediction, y, loss):
        return float(self.scale(y, loss) * np.sum(self.terms(prediction, y, loss)))

    def propagate(self, weights, biases, x, activations):
        """The outputs of all layers, and the pre-activations."""
        outputs, zs = [x.copy()], []
        for W, b, name in zip(weights, biases, activations, strict=True):
            zs.append(self.affine(outputs[-1], W, b))
            outputs.append(self.activation(zs[-1], name))
        return outputs, zs

    def forward(self, weights, biases, x, activations):
        return self.propagate(weights, biases, x, activations)[0]

    def softmax_back(self, p, dp):
        """What a softmax hands back of the slopes dp."""
        return p * (dp - np.sum(p * dp, axis=1, keepdims=True))

    def output_delta(self, z, p, y, activation, loss):
        """The slope of the loss by the last pre-activations."""
        c = self.scale(y, loss)
        if "squared_error" in loss:
            dp = 2 * c * (p - y)
            return self.softmax_back(p, dp) if activation == "softmax" else dp * self.slope(z, activation)
        if kind_of(loss) == "cross_entropy" or activation == "sigmoid":
            return c * (p - y)
        v = c * (p - y) / (1 - p)
        return v - p * np.sum(v, axis=1, keepdims=True)

    def error_back(self, delta, W):
        return delta @ W

    def weight_gradient(self, delta, a):
        return delta.T @ a

    def bias_gradient(self, delta):
        return np.sum(delta, axis=0)

    def hidden_delta(self, error, z, name):
        return error * self.slope(z, name)

    def gradients(self, weights, outputs, zs, y, activations, loss):
        """The gradients, from what `propagate` gave."""
        delta = self.output_delta(zs[-1], outputs[-1], y, activations[-1], loss)
        dW, db = [None] * len(weights), [None] * len(weights)
        for i in range(len(weights) - 1, -1, -1):
            dW[i] = self.weight_gradient(delta, outputs[i])
            db[i] = self.bias_gradient(delta)
            if i > 0:
                delta = self.hidden_delta(self.error_back(delta, weights[i]), zs[i - 1], activations[i - 1])
        return dW, db

    def backward(self, weights, biases, x, y, activations, loss):
        outputs, zs = self.propagate(weights, biases, x, activations)
        return self.gradients(weights, outputs, zs, y, activations, loss)

    def gradient_descent_step(self, weights, biases, grad_weights, grad_biases, learning_rate):
        return (
            [W - learning_rate * g for W, g in zip(weights, grad_weights, strict=True)],
            [b - learning_rate * g for b, g in zip(biases, grad_biases, strict=True)],
        )


def functions_of(implementation):
    """The contract's functions of an object, by name."""
    return {name: getattr(implementation, name) for name in __all__}


__all__ = [  # noqa: F822
    "backward", "forward", "gradient_descent_step", "loss", "relu", "relu_prime", "sigmoid", "sigmoid_prime",
    "softmax", "tanh", "tanh_prime",
]  # fmt: skip
HONEST = Honest()
globals().update(functions_of(HONEST))
