"""Backpropagation for one sample at a time: samples are vectors, and their gradients are added up."""

import numpy as np


def identity(z):
    return z.copy()


def sigmoid(z):
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def relu(z):
    return np.maximum(z, 0)


def relu_prime(z):
    slope = np.ones_like(z)
    slope[z <= 0] = 0
    return slope


def tanh(z):
    return np.tanh(z)


def tanh_prime(z):
    t = tanh(z)
    return (1 - t) * (1 + t)


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_jacobian(a):
    return np.diag(a) - np.outer(a, a)


FUNCTIONS = {"identity": identity, "sigmoid": sigmoid, "relu": relu, "tanh": tanh, "softmax": softmax}
# A softmax has a matrix for its derivative, which the costs' deltas take care of.
PRIMES = {
    "identity": np.ones_like,
    "sigmoid": sigmoid_prime,
    "relu": relu_prime,
    "tanh": tanh_prime,
    "softmax": np.ones_like,
}


class SquaredErrorCost:
    @staticmethod
    def fn(a, y):
        return np.sum((a - y) ** 2)

    @staticmethod
    def delta(z, a, y, name):
        """The error of the output layer, for outputs a = g(z) where g has that name."""
        derivative = 2 * (a - y)
        if name == "softmax":
            return softmax_jacobian(a) @ derivative
        return derivative * PRIMES[name](z)


class CrossEntropyCost:
    @staticmethod
    def fn(a, y):
        likely = y > 0
        return -np.sum(y[likely] * np.log(a[likely]))

    @staticmethod
    def delta(z, a, y, name):
        return a - y


class BinaryCrossEntropyCost:
    @staticmethod
    def fn(a, y):
        return CrossEntropyCost.fn(a, y) + CrossEntropyCost.fn(1 - a, 1 - y)

    @staticmethod
    def delta(z, a, y, name):
        if name == "softmax":
            error = (a - y) / (1 - a)
            return error - a * np.sum(error)
        return a - y


def cost_of(loss):
    if loss.startswith("binary_cross_entropy"):
        return BinaryCrossEntropyCost
    return CrossEntropyCost if loss.startswith("cross_entropy") else SquaredErrorCost


def scale_of(loss, y):
    """What the sum of the costs of all samples is multiplied by."""
    n, k = y.shape
    scale = 0.5 if loss.startswith("half_") else 1.0
    if loss.endswith("_mean"):
        scale /= n
    if loss.endswith("_entry_mean"):
        scale /= k
    return scale


def loss(prediction, y, loss):
    cost = cost_of(loss)
    total = sum(cost.fn(a, label) for a, label in zip(prediction, y, strict=True))
    return float(scale_of(loss, y) * total)


class Network:
    def __init__(self, weights, biases, names):
        self.num_layers = len(weights) + 1
        self.weights = weights
        self.biases = biases
        self.names = names

    def feedforward(self, x):
        """The vectors z of all layers, and x with the activations of all layers."""
        activation = x
        activations = [x]
        zs = []
        for w, b, name in zip(self.weights, self.biases, self.names, strict=True):
            z = w @ activation + b
            zs.append(z)
            activation = FUNCTIONS[name](z)
            activations.append(activation)
        return zs, activations

    def backprop(self, x, y, cost):
        """The gradients (nabla_b, nabla_w) of the cost of one sample, layer by layer."""
        nabla_b = [np.zeros_like(b) for b in self.biases]
        nabla_w = [np.zeros_like(w) for w in self.weights]
        zs, activations = self.feedforward(x)
        delta = cost.delta(zs[-1], activations[-1], y, self.names[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.outer(delta, activations[-2])
        for layer in range(2, self.num_layers):
            sp = PRIMES[self.names[-layer]](zs[-layer])
            delta = (self.weights[-layer + 1].T @ delta) * sp
            nabla_b[-layer] = delta
            nabla_w[-layer] = np.outer(delta, activations[-layer - 1])
        return nabla_b, nabla_w


def forward(weights, biases, x, activations):
    network = Network(weights, biases, activations)
    samples = [network.feedforward(sample)[1] for sample in x]
    return [np.array(layer) for layer in zip(*samples, strict=True)]


def backward(weights, biases, x, y, activations, loss):
    network = Network(weights, biases, activations)
    cost = cost_of(loss)
    sum_b = [np.zeros(b.shape, b.dtype) for b in biases]
    sum_w = [np.zeros(w.shape, w.dtype) for w in weights]
    for sample, label in zip(x, y, strict=True):
        nabla_b, nabla_w = network.backprop(sample, label, cost)
        sum_b = [sb + nb for sb, nb in zip(sum_b, nabla_b, strict=True)]
        sum_w = [sw + nw for sw, nw in zip(sum_w, nabla_w, strict=True)]
    scale = scale_of(loss, y)
    return [scale * sw for sw in sum_w], [scale * sb for sb in sum_b]


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    new_weights = [w - learning_rate * nw for w, nw in zip(weights, grad_weights, strict=True)]
    new_biases = [b - learning_rate * nb for b, nb in zip(biases, grad_biases, strict=True)]
    return new_weights, new_biases
