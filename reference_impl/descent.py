"""Gradient descent, and the notes' running example: a table's area from its length and width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.reference_impl.contract import DEFAULT_LOSS, Array, Layers
from backproof.reference_impl.losses import loss as loss_of
from backproof.reference_impl.network import backward, forward


def gradient_descent_step(
    weights: Layers, biases: Layers, grad_weights: Layers, grad_biases: Layers, learning_rate: float
) -> tuple[list[Array], list[Array]]:
    """w - alpha dL/dw and b - alpha dL/db for every layer, as new arrays (N10); learning_rate is alpha."""
    return (
        [W - learning_rate * dW for W, dW in zip(weights, grad_weights, strict=True)],
        [b - learning_rate * db for b, db in zip(biases, grad_biases, strict=True)],
    )


def descent(
    weights: Layers,
    biases: Layers,
    x: Array,
    y: Array,
    activations: Sequence[str],
    loss: str = DEFAULT_LOSS,
    *,
    learning_rate: float,
    steps: int,
) -> tuple[list[Array], list[Array], list[float]]:
    """Train by `steps` steps of full-batch gradient descent.

    Returns the trained weights and biases, and the steps + 1 losses before, between and after the steps. Shapes and
    errors as in `network.backward`.
    """
    weights, biases = list(weights), list(biases)
    losses = [float(loss_of(forward(weights, biases, x, activations)[-1], y, loss))]
    for _ in range(steps):
        gradients = backward(weights, biases, x, y, activations, loss)
        weights, biases = gradient_descent_step(weights, biases, *gradients, learning_rate)
        losses.append(float(loss_of(forward(weights, biases, x, activations)[-1], y, loss)))
    return weights, biases, losses


def table(n: int, seed: int = 0) -> tuple[Array, Array]:
    """n tables of the notes' example: x (n, 2), length and width between 0 and 1, and y (n, 1), the area; float64."""
    x = np.random.default_rng(seed).random((n, 2))
    return x, x[:, :1] * x[:, 1:]
