"""Losses of a prediction, and their derivatives with respect to it.

Everywhere p is the prediction and y the label, both (n, k), and c is the loss's scale: its factor divided by what it
averages over (`contract.Loss.scale`).
"""

from __future__ import annotations

import numpy as np

from backproof.reference_impl.contract import Array, find_loss


def loss(prediction: Array, y: Array, loss: str) -> np.floating:
    """L = c * (sum of the loss's terms over samples and outputs), a scalar of the prediction's dtype.

    Raises ValueError for an unknown loss.
    """
    chosen = find_loss(loss)
    terms = TERMS[chosen.kind](prediction, y)
    return terms.sum() * chosen.scale(*y.shape)


def squared_error(p: Array, y: Array) -> Array:
    """(p - y)^2, entry by entry."""
    return (p - y) ** 2


def cross_entropy(p: Array, y: Array) -> Array:
    """-y log p, entry by entry, with 0 log 0 = 0."""
    return -_xlogy(y, p)


def binary_cross_entropy(p: Array, y: Array) -> Array:
    """-(y log p + (1 - y) log(1 - p)), entry by entry, with 0 log 0 = 0."""
    return -(_xlogy(y, p) + _xlogy(1 - y, 1 - p))


def _xlogy(y: Array, p: Array) -> Array:
    """y log p, and 0 where y = 0 whatever p is."""
    return y * np.log(p, where=y != 0, out=np.zeros_like(p))


TERMS = {
    "squared_error": squared_error,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}


def loss_gradient(p: Array, y: Array, loss: str) -> Array:
    """dL/dp, (n, k): 2c(p - y) for squared error, -c y/p for cross-entropy, c(p - y)/(p(1 - p)) for the binary one.

    N15 is the first of them with c = 1/(2n), the loss `half_squared_error_mean`. Raises ValueError for an unknown loss.
    """
    chosen = find_loss(loss)
    c = chosen.scale(*y.shape)
    if chosen.kind == "squared_error":
        return (2 * c) * (p - y)
    if chosen.kind == "cross_entropy":
        return -c * y / p
    return c * (p - y) / (p * (1 - p))


def weighted_loss_gradient(p: Array, y: Array, loss: str) -> Array:
    """p * dL/dp, (n, k), simplified so that nothing divides by p: a softmax may round to exactly 0.

    Raises ValueError for an unknown loss.
    """
    chosen = find_loss(loss)
    c = chosen.scale(*y.shape)
    if chosen.kind == "squared_error":
        return (2 * c) * p * (p - y)
    if chosen.kind == "cross_entropy":
        return -c * y
    return c * (p - y) / (1 - p)
