"""The forward pass, and backpropagation by the chain rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.reference_impl.activations import (
    ACTIVATION,
    relu_prime_of_output,
    sigmoid_prime_of_output,
    tanh_prime_of_output,
)
from backproof.reference_impl.contract import Array, Layers, find_loss
from backproof.reference_impl.losses import loss_gradient, weighted_loss_gradient


def forward(weights: Layers, biases: Layers, x: Array, activations: Sequence[str]) -> list[Array]:
    """z^(i) = x^(i) W_i^T + b_i and x^(i+1) = g_i(z^(i)), for i = 1..L (N1, N4, N11).

    weights[i - 1]: (k_i, k_{i-1}); biases[i - 1]: (k_i,); x: (n, k_0); activations: L names of `contract.ACTIVATIONS`,
    softmax only as the last. Returns the L + 1 arrays x, then every layer's output (n, k_i), in the inputs' dtype.
    Raises KeyError for an unknown activation.
    """
    outputs = [x]
    for W, b, g in zip(weights, biases, activations, strict=True):
        outputs.append(ACTIVATION[g](outputs[-1] @ W.T + b))
    return outputs


def backward(
    weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
) -> tuple[list[Array], list[Array]]:
    """The gradients of L with respect to all weights and biases, by the chain rule from the last layer to the first.

    With delta_i = dL/dz^(i), of shape (n, k_i):

    - delta_L as in `output_delta`, and delta_{i-1} = (delta_i W_i) * g'(z^(i-1)) (N14, with its sum over neurons);
    - dL/dW_i = delta_i^T x^(i) (N12, with both its indices) and dL/db_i = the sum of delta_i over the samples (N13).

    y: (n, k_L), the rest as in `forward`; `loss` is a key of `contract.LOSSES`. Returns (grad_weights, grad_biases),
    shaped as weights and biases. Raises KeyError for an unknown activation, ValueError for an unknown loss.
    """
    outputs = forward(weights, biases, x, activations)
    delta = output_delta(outputs[-1], y, activations[-1], loss)
    # dot is @ here, but for a single sample it takes an eighth of the time.
    grad_weights, grad_biases = [np.dot(delta.T, outputs[-2])], [delta.sum(axis=0)]
    for i in range(len(weights) - 1, 0, -1):
        delta = times_derivative(delta @ weights[i], outputs[i], activations[i - 1])
        grad_weights.insert(0, np.dot(delta.T, outputs[i - 1]))
        grad_biases.insert(0, delta.sum(axis=0))
    return grad_weights, grad_biases


def output_delta(a: Array, y: Array, activation: str, loss: str) -> Array:
    """delta_L = dL/dz at the last layer, (n, k), from its output a: the activation's Jacobian times dL/da.

    After a softmax that product is q - a (sum of q), where q = a * dL/da, whatever the loss; under the cross-entropy it
    is the well-known a - y. A sigmoid under the binary cross-entropy gives c(a - y): the factor a(1 - a) cancels.
    """
    if activation == "softmax":
        q = weighted_loss_gradient(a, y, loss)
        return q - a * q.sum(axis=1, keepdims=True)
    if activation == "sigmoid" and find_loss(loss).kind == "binary_cross_entropy":
        return find_loss(loss).scale(*y.shape) * (a - y)
    return times_derivative(loss_gradient(a, y, loss), a, activation)


def times_derivative(v: Array, a: Array, activation: str) -> Array:
    """v * g'(z), entry by entry, with g' worked out from the output a = g(z)."""
    if activation == "identity":
        return v
    return v * DERIVATIVE_OF_OUTPUT[activation](a)


DERIVATIVE_OF_OUTPUT = {
    "sigmoid": sigmoid_prime_of_output,
    "relu": relu_prime_of_output,
    "tanh": tanh_prime_of_output,
}
