"""Where training on the notes' tables starts, and what it is measured by."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backproof.reference_impl.contract import DEFAULT_LOSS, Array
from backproof.reference_impl.losses import loss as loss_of


class Network(NamedTuple):
    """Weights and biases."""

    weights: list[Array]
    biases: list[Array]


def he(rng: np.random.Generator, widths: Sequence[int], scale: float = 1.0) -> Network:
    """Normal weights of standard deviation scale * sqrt(2 / k_{i-1}) (He, Zhang, Ren and Sun, ICCV 2015); biases 0."""
    layers = list(itertools.pairwise(widths))
    weights = [rng.standard_normal((k, received)) * (scale * (2 / received) ** 0.5) for received, k in layers]
    return Network(weights, [np.zeros(k) for k in widths[1:]])


class Fit(NamedTuple):
    """The linear function of x, with a constant, that has the least loss: its one layer, and that loss."""

    weights: Array
    bias: Array
    loss: float


def best_linear_fit(x: Array, y: Array) -> Fit:
    """By least squares, of one output, under the default loss."""
    solution, *_ = np.linalg.lstsq(np.hstack([x, np.ones((len(x), 1))]), y)
    W, b = solution[:-1].T, solution[-1]
    return Fit(W, b, float(loss_of(x @ W.T + b, y, DEFAULT_LOSS)))
