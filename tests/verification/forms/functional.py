"""Backpropagation from small pure functions and tables, with every product an einsum over named indices."""

from itertools import accumulate

import numpy as np

# The indices: n for samples, k for a layer's neurons, j for what it receives; a softmax's outputs i and inputs j.


def stable_sigmoid(z):
    """1 / (1 + e^-z) with exponents that are never positive."""
    tail = np.exp(-np.abs(z))
    return np.where(z < 0, tail, np.ones_like(tail)) / (1 + tail)


def stable_softmax(z):
    """The powers of e in every row, divided by their sum."""
    powers = np.exp(z - np.amax(z, axis=1, keepdims=True))
    totals = np.einsum("nk->n", powers)
    return powers / totals[:, None]


def log_jacobian(p):
    """d log p_i / dz_j = (i == j) - p_j of a softmax, for every sample."""
    return np.eye(p.shape[1], dtype=p.dtype) - p[:, None, :]


def softmax_jacobian(p):
    """dp_i / dz_j of a softmax, for every sample."""
    return np.einsum("ni,nij->nij", p, log_jacobian(p))


ACTIVATIONS = {
    "identity": lambda z: z.copy(),
    "sigmoid": stable_sigmoid,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "softmax": stable_softmax,
}

# The derivative of each activation, as a function of its output.
SLOPES = {
    "identity": np.ones_like,
    "sigmoid": lambda a: a * (1 - a),
    "relu": lambda a: (a > 0).astype(a.dtype),
    "tanh": lambda a: 1 - a**2,
}


def by_entries(slope):
    """What takes dL/da to dL/dz where every output depends on its own z alone."""
    return lambda da, a: np.einsum("nk,nk->nk", da, slope(a))


# From dL/da and a to dL/dz.
PULLS = {
    **{name: by_entries(slope) for name, slope in SLOPES.items()},
    "softmax": lambda da, a: np.einsum("ni,nij->nj", da, softmax_jacobian(a)),
}

# From the error p - y and p to dL/dz, where the loss and the last activation have a formula of their own.
FUSED = {
    ("cross_entropy", "softmax"): lambda error, p: error,
    ("binary_cross_entropy", "sigmoid"): lambda error, p: error,
    ("binary_cross_entropy", "softmax"): lambda error, p: np.einsum("ni,nij->nj", error / (1 - p), log_jacobian(p)),
}


def weighted_log(weight, p):
    """weight * log p, and 0 where the weight is 0."""
    return weight * np.log(np.where(weight > 0, p, np.ones_like(p)))


TERMS = {
    "squared_error": lambda p, y: (p - y) ** 2,
    "half_squared_error": lambda p, y: (p - y) ** 2 / 2,
    "cross_entropy": lambda p, y: -weighted_log(y, p),
    "binary_cross_entropy": lambda p, y: -weighted_log(y, p) - weighted_log(1 - y, 1 - p),
}
ERROR_FACTORS = {"squared_error": 2, "half_squared_error": 1, "cross_entropy": 1, "binary_cross_entropy": 1}
COUNTS = {"sum": lambda n, k: 1, "mean": lambda n, k: n, "entry_mean": lambda n, k: n * k}
LOSSES = {f"{kind}_{reduction}": (kind, reduction) for kind in TERMS for reduction in COUNTS}


def output_error(p, y, loss):
    """dL/dp of a squared error; of a cross-entropy the scaled p - y, which is what FUSED takes."""
    kind, reduction = LOSSES[loss]
    return ERROR_FACTORS[kind] * (p - y) / COUNTS[reduction](*y.shape)


def layer_output(received, layer):
    """The output of one layer (W, b, activation)."""
    W, b, name = layer
    return ACTIVATIONS[name](np.einsum("nj,kj->nk", received, W) + b)


def pulls_of(activations, loss):
    """For every layer, what takes dL/da and a to dL/dz."""
    *hidden, last = activations
    kind, _ = LOSSES[loss]
    return [*(PULLS[name] for name in hidden), FUSED.get((kind, last), PULLS[last])]


def descend(steps, error):
    """dL/dW and dL/db of these layers, and dL/da of what the first of them receives."""
    if not steps:
        return [], [], error
    (W, received, output, pull), *later = steps
    later_weights, later_biases, da = descend(later, error)
    dz = pull(da, output)
    dW = np.einsum("nk,nj->kj", dz, received)
    db = np.einsum("nk->k", dz)
    return [dW, *later_weights], [db, *later_biases], np.einsum("nk,kj->nj", dz, W)


def moved(parameters, gradients, learning_rate):
    """Parameters one step down their gradients."""
    return [value - learning_rate * slope for value, slope in zip(parameters, gradients, strict=True)]


def sigmoid(z):
    return ACTIVATIONS["sigmoid"](z)


def sigmoid_prime(z):
    return SLOPES["sigmoid"](sigmoid(z))


def relu(z):
    return ACTIVATIONS["relu"](z)


def relu_prime(z):
    return SLOPES["relu"](relu(z))


def tanh(z):
    return ACTIVATIONS["tanh"](z)


def tanh_prime(z):
    return SLOPES["tanh"](tanh(z))


def softmax(z):
    return ACTIVATIONS["softmax"](z)


def loss(prediction, y, loss):
    kind, reduction = LOSSES[loss]
    return float(np.einsum("nk->", TERMS[kind](prediction, y)) / COUNTS[reduction](*y.shape))


def forward(weights, biases, x, activations):
    layers = zip(weights, biases, activations, strict=True)
    return list(accumulate(layers, layer_output, initial=x.copy()))


def backward(weights, biases, x, y, activations, loss):
    outputs = forward(weights, biases, x, activations)
    steps = zip(weights, outputs[:-1], outputs[1:], pulls_of(activations, loss), strict=True)
    grad_weights, grad_biases, _ = descend(list(steps), output_error(outputs[-1], y, loss))
    return grad_weights, grad_biases


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    return moved(weights, grad_weights, learning_rate), moved(biases, grad_biases, learning_rate)
