"""Activations g and their derivatives g'.

Every function takes float arrays, keeps shape and dtype, raises nothing and warns of nothing for finite or infinite z;
NaN in gives NaN out. `z` is the pre-activation; `a` is the activation's output, a = g(z).
"""

from __future__ import annotations

import numpy as np

from backproof.reference_impl.contract import Array


def identity(z: Array) -> Array:
    """g(z) = z."""
    return z.copy()


def identity_prime(z: Array) -> Array:
    """g'(z) = 1."""
    return np.ones_like(z)


def sigmoid(z: Array) -> Array:
    """g(z) = 1 / (1 + e^-z) (N2), for z < 0 in its equal form e^z / (1 + e^z): neither exponential can overflow."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def sigmoid_prime(z: Array) -> Array:
    """g'(z) = g(z) (1 - g(z)) (N3)."""
    return sigmoid_prime_of_output(sigmoid(z))


def sigmoid_prime_of_output(a: Array) -> Array:
    """g' = a (1 - a), from the output a = g(z), as the notes write it in N12."""
    return a * (1 - a)


def relu(z: Array) -> Array:
    """g(z) = max(0, z) (N5)."""
    return np.maximum(z, 0)


def relu_prime(z: Array) -> Array:
    """g'(z) = 1 where z > 0, else 0.

    The notes give no value at 0 (N6). Any number in [0, 1] is a subgradient; 0 is what PyTorch's and JAX's relu take.
    """
    return (z > 0).astype(z.dtype)


def relu_prime_of_output(a: Array) -> Array:
    """g' from the output a = g(z): the output is positive exactly where z is."""
    return relu_prime(a)


def tanh(z: Array) -> Array:
    """g(z) = (e^z - e^-z) / (e^z + e^-z)."""
    return np.tanh(z)


def tanh_prime(z: Array) -> Array:
    """g'(z) = 1 - g(z)^2."""
    return tanh_prime_of_output(tanh(z))


def tanh_prime_of_output(a: Array) -> Array:
    """g' = 1 - a^2, from the output a = g(z)."""
    return 1 - a * a


def softmax(z: Array) -> Array:
    """a_j = e^z_j / sum_l e^z_l in every row of z (n, k).

    Subtracting the row's maximum changes no quotient and lets no exponential overflow. N8 prints it without the
    exponential; this is the standard function that the notes use.
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_jacobian(z: Array) -> Array:
    """J_jl = da_j / dz_l = a_j (1 if j = l else 0) - a_j a_l for every row of z (n, k); returns (n, k, k).

    Backpropagation never builds it: `network.output_delta` multiplies by it in O(k) a row.
    """
    a = softmax(z)
    return a[:, :, None] * np.eye(z.shape[1], dtype=z.dtype) - a[:, :, None] * a[:, None, :]


ACTIVATION = {"identity": identity, "sigmoid": sigmoid, "relu": relu, "tanh": tanh, "softmax": softmax}
