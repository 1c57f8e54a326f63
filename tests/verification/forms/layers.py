"""Backpropagation by layer objects, which keep on themselves what their backward pass needs and what it finds."""

import numpy as np


class Activation:
    """The identity, and what all activations have in common."""

    @classmethod
    def of(cls, z):
        return cls().forward(z)

    @classmethod
    def slope_at(cls, z):
        layer = cls()
        layer.forward(z)
        return layer.derivative()

    def forward(self, z):
        self.z = z
        self.a = self.function(z)
        return self.a

    def backward(self, error):
        return error * self.derivative()

    def function(self, z):
        return z.copy()

    def derivative(self):
        return np.ones_like(self.z)


class Sigmoid(Activation):
    def function(self, z):
        return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))

    def derivative(self):
        return self.a * (1 - self.a)


class ReLU(Activation):
    def function(self, z):
        return np.maximum(z, 0)

    def derivative(self):
        return (self.z > 0).astype(self.z.dtype)


class Tanh(Activation):
    def function(self, z):
        return np.tanh(z)

    def derivative(self):
        return (1 - self.a) * (1 + self.a)


class Softmax(Activation):
    def function(self, z):
        shifted = np.exp(z - z.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    def backward(self, error):
        return self.backward_weighted(self.a * error)

    def backward_weighted(self, weighted):
        """The backward pass of an error that is multiplied by the outputs already."""
        return weighted - self.a * weighted.sum(axis=1, keepdims=True)


class Dense:
    def __init__(self, W, b, activation):
        self.W, self.b, self.activation = W, b, activation
        self.grad_W, self.grad_b = np.zeros_like(W), np.zeros_like(b)

    def forward(self, inputs):
        self.inputs = inputs
        self.z = inputs @ self.W.T + self.b
        return self.activation.forward(self.z)

    def backward(self, error):
        return self.backward_linear(self.activation.backward(error))

    def backward_linear(self, delta):
        self.grad_W = delta.T @ self.inputs
        self.grad_b = delta.sum(axis=0)
        return delta @ self.W


class Loss:
    """What all losses have in common: their reduction, and the error that the backward pass starts with."""

    slope = 1

    def __init__(self, factor, reduction):
        self.factor, self.reduction = factor, reduction

    def forward(self, prediction, y):
        n, k = y.shape
        self.prediction, self.y = prediction, y
        self.residual = prediction - y
        scale = self.factor / {"sum": 1, "mean": n, "entry_mean": n * k}[self.reduction]
        self.error = self.slope * scale * self.residual
        return scale * self.terms().sum()

    def backward(self, activation):
        return self.error


class SquaredError(Loss):
    slope = 2

    def terms(self):
        return self.residual**2

    def backward(self, activation):
        return activation.backward(self.error)


class CrossEntropy(Loss):
    def terms(self):
        return -times_log(self.y, self.prediction)


class BinaryCrossEntropy(Loss):
    def terms(self):
        return -times_log(self.y, self.prediction) - times_log(1 - self.y, 1 - self.prediction)

    def backward(self, activation):
        if isinstance(activation, Softmax):
            return activation.backward_weighted(self.error / (1 - self.prediction))
        return super().backward(activation)


class Network:
    def __init__(self, weights, biases, activations):
        self.layers = [Dense(W, b, ACTIVATIONS[g]()) for W, b, g in zip(weights, biases, activations, strict=True)]

    def forward(self, x):
        outputs = [x.copy()]
        for layer in self.layers:
            outputs.append(layer.forward(outputs[-1]))
        return outputs

    def backward(self, loss):
        *hidden, last = self.layers
        error = last.backward_linear(loss.backward(last.activation))
        for layer in reversed(hidden):
            error = layer.backward(error)
        return [layer.grad_W for layer in self.layers], [layer.grad_b for layer in self.layers]


class GradientDescent:
    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def step(self, parameters, gradients):
        return [w - self.learning_rate * g for w, g in zip(parameters, gradients, strict=True)]


ACTIVATIONS = {"identity": Activation, "sigmoid": Sigmoid, "relu": ReLU, "tanh": Tanh, "softmax": Softmax}
LOSSES = {
    "squared_error": (SquaredError, 1.0),
    "half_squared_error": (SquaredError, 0.5),
    "cross_entropy": (CrossEntropy, 1.0),
    "binary_cross_entropy": (BinaryCrossEntropy, 1.0),
}


def times_log(weight, p):
    """The product of the weight and log p, which is 0 where the weight is."""
    return weight * np.log(p, out=np.zeros_like(p), where=weight > 0)


def make_loss(name):
    reduction = next(ending for ending in ("entry_mean", "mean", "sum") if name.endswith(ending))
    kind, factor = LOSSES[name.removesuffix("_" + reduction)]
    return kind(factor, reduction)


sigmoid, sigmoid_prime = Sigmoid.of, Sigmoid.slope_at
relu, relu_prime = ReLU.of, ReLU.slope_at
tanh, tanh_prime = Tanh.of, Tanh.slope_at
softmax = Softmax.of


def loss(prediction, y, loss):
    return float(make_loss(loss).forward(prediction, y))


def forward(weights, biases, x, activations):
    return Network(weights, biases, activations).forward(x)


def backward(weights, biases, x, y, activations, loss):
    network, criterion = Network(weights, biases, activations), make_loss(loss)
    criterion.forward(network.forward(x)[-1], y)
    return network.backward(criterion)


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    optimizer = GradientDescent(learning_rate)
    return optimizer.step(weights, grad_weights), optimizer.step(biases, grad_biases)
