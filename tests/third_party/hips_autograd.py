"""HIPS autograd behind the contract: a network as its examples write one, differentiated by `autograd.grad`.

Its sigmoid is written with tanh, which is accurate absolutely and not relatively: it verifies leniently. And the
gradient of `maximum` goes halves at a tie: relu'(0) is 1/2.
"""

import autograd.numpy as np
from autograd import grad

from backproof import adapters
from backproof.reference_impl.contract import find_loss

__all__ = ["backward", "forward", "loss", "relu", "relu_prime", "sigmoid", "tanh_prime"]

CONVENTION = adapters.Convention(
    last=("identity", "sigmoid", "relu", "tanh"),
    losses=("squared_error_sum", "squared_error_mean", "half_squared_error_mean", "squared_error_entry_mean"),
)

ACTIVATION = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 0.5 * (np.tanh(z / 2) + 1),
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
}


def sigmoid(z):
    return ACTIVATION["sigmoid"](z)


def relu(z):
    return ACTIVATION["relu"](z)


def relu_prime(z):
    return grad(lambda z: np.sum(ACTIVATION["relu"](z)))(z)


def tanh_prime(z):
    return grad(lambda z: np.sum(np.tanh(z)))(z)


def forward(weights, biases, x, activations):
    outputs = [x]
    for W, b, g in zip(weights, biases, activations, strict=True):
        outputs.append(ACTIVATION[g](np.dot(outputs[-1], W.T) + b))
    return outputs


def loss(prediction, y, loss):
    return find_loss(loss).scale(*y.shape) * np.sum((prediction - y) ** 2)


def backward(weights, biases, x, y, activations, loss):
    def of_parameters(parameters):
        prediction = forward(*parameters, x, activations)[-1]
        return find_loss(loss).scale(*y.shape) * np.sum((prediction - y) ** 2)

    return grad(of_parameters)((list(weights), list(biases)))
