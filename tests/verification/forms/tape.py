"""Backpropagation on a tape: arrays that remember what they were made from, and how to send a gradient back there."""

import numpy as np


class Tensor:
    """An array in the graph, with the gradient of whatever `backward` is called on."""

    def __init__(self, value, parents=(), constant=False):
        self.value = value
        self.grad = 0
        self.parents = parents
        self.constant = constant
        self._backward = lambda: None

    def backward(self):
        order, visited = [], set()

        def visit(node):
            if node not in visited:
                visited.add(node)
                for parent in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = np.ones_like(self.value)
        for node in reversed(order):
            node._backward()

    def transpose(self):
        out = Tensor(self.value.T, (self,))

        def _backward():
            self.grad += out.grad.T

        out._backward = _backward
        return out

    def __add__(self, other):
        out = Tensor(self.value + other.value, (self, other))

        def _backward():
            self.grad += unbroadcast(out.grad, self.value.shape)
            other.grad += unbroadcast(out.grad, other.value.shape)

        out._backward = _backward
        return out

    def __matmul__(self, other):
        out = Tensor(self.value @ other.value, (self, other))

        def _backward():
            other.grad += self.value.T @ out.grad
            if not self.constant:
                self.grad += out.grad @ other.value.T

        out._backward = _backward
        return out

    def elementwise(self, function, slope):
        out = Tensor(function(self.value), (self,))

        def _backward():
            self.grad += out.grad * slope(self.value)

        out._backward = _backward
        return out

    def softmax(self):
        out = Tensor(softmax(self.value), (self,))

        def _backward():
            s, g = out.value, out.grad
            self.grad += s * (g - np.sum(s * g, axis=1, keepdims=True))

        out._backward = _backward
        return out


def unbroadcast(grad, shape):
    """The sum of grad over the axes that broadcasting has put in front of shape."""
    return grad.sum(axis=tuple(range(grad.ndim - len(shape))))


def sigmoid(z):
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def sigmoid_prime(z):
    return sigmoid(z) * sigmoid(-z)


def relu(z):
    return np.maximum(z, 0)


def relu_prime(z):
    return (z > 0).astype(z.dtype)


def tanh_prime(z):
    return (1 - tanh(z)) * (1 + tanh(z))


def softmax(z):
    powers = np.exp(z - np.amax(z, axis=1, keepdims=True))
    return powers / np.sum(powers, axis=1, keepdims=True)


tanh = np.tanh
FUNCTIONS = {"identity": np.copy, "sigmoid": sigmoid, "relu": relu, "tanh": tanh}
SLOPES = {"identity": np.ones_like, "sigmoid": sigmoid_prime, "relu": relu_prime, "tanh": tanh_prime}


def network(parameters, x, activations):
    """The nodes of x and of every layer's output; parameters: the nodes (W, b) of every layer."""
    hidden = [Tensor(x, constant=True)]
    for (W, b), name in zip(parameters[:-1], activations[:-1], strict=True):
        z = hidden[-1] @ W.transpose() + b
        hidden.append(z.elementwise(FUNCTIONS[name], SLOPES[name]))
    W, b = parameters[-1]
    logits = hidden[-1] @ W.transpose() + b
    last = activations[-1]
    return [*hidden, logits.softmax() if last == "softmax" else logits.elementwise(FUNCTIONS[last], SLOPES[last])]


def scale_of(loss, y):
    """What the sum of a loss's terms is multiplied by."""
    factor = 0.5 if loss.startswith("half_") else 1.0
    if loss.endswith("_sum"):
        return factor
    return factor / (y.size if loss.endswith("_entry_mean") else len(y))


def loss(prediction, y, loss):
    if "squared_error" in loss:
        return float(scale_of(loss, y) * np.sum((prediction - y) ** 2))
    terms = y * np.log(np.where(y > 0, prediction, 1))
    if loss.startswith("binary_"):
        terms += (1 - y) * np.log(np.where(y < 1, 1 - prediction, 1))
    return float(-scale_of(loss, y) * np.sum(terms))


def objective(prediction, y, name, activation):
    """The node of a loss; a cross-entropy is fused with the activation, and sends its gradient to the logits."""
    receiver = prediction if "squared_error" in name else prediction.parents[0]
    out = Tensor(np.asarray(loss(prediction.value, y, name), y.dtype), (receiver,))

    def _backward():
        p = prediction.value
        residual = out.grad * scale_of(name, y) * (p - y)
        if "squared_error" in name:
            residual = 2 * residual
        elif name.startswith("binary_") and activation == "softmax":
            residual = residual / (1 - p)
            residual = residual - p * residual.sum(axis=1, keepdims=True)
        receiver.grad += residual

    out._backward = _backward
    return out


def forward(weights, biases, x, activations):
    parameters = [(Tensor(W), Tensor(b)) for W, b in zip(weights, biases, strict=True)]
    return [node.value.copy() for node in network(parameters, x, activations)]


def backward(weights, biases, x, y, activations, loss):
    parameters = [(Tensor(W), Tensor(b)) for W, b in zip(weights, biases, strict=True)]
    prediction = network(parameters, x, activations)[-1]
    objective(prediction, y, loss, activations[-1]).backward()
    return [W.grad for W, _ in parameters], [b.grad for _, b in parameters]


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    pairs = zip([*weights, *biases], [*grad_weights, *grad_biases], strict=True)
    moved = [value - learning_rate * gradient for value, gradient in pairs]
    return moved[: len(weights)], moved[len(weights) :]
