"""The networks that formulas are tried on, and how to have an oracle answer for what is not a parameter.

All are small: with a layer in front they have up to 4 layers of up to 6 neurons and 6 samples, for which JAX compiles
one function. Each is determined by a seed and its number.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import LOSSES, Array, find_loss
from backproof.reference_impl.losses import loss_gradient
from backproof.reference_impl.network import forward, times_derivative

DEPTH, SIZE = 3, 6

SQUARED_ERRORS = tuple(loss for loss in LOSSES if find_loss(loss).kind == "squared_error")


def sigmoid_networks(count: int, seed: int, samples: Sequence[int], loss: str | None = None) -> list[Case]:
    """Networks of sigmoids under squared errors.

    Every fourth has one neuron in each layer, and another at least in the first. samples: how many there may be; loss:
    which, or any of the squared errors.
    """
    return [_layers(np.random.default_rng([1, seed, i]), i, ("sigmoid",), samples, loss) for i in range(count)]


def mixed_networks(count: int, seed: int) -> list[Case]:
    """Networks of sigmoids and ReLUs, the activations that the notes apply neuron by neuron."""
    rngs = [np.random.default_rng([2, seed, i]) for i in range(count)]
    return [_layers(rng, i, ("sigmoid", "relu"), range(1, SIZE + 1), None) for i, rng in enumerate(rngs)]


def neurons(count: int, seed: int) -> list[Case]:
    """One layer each, without activation."""
    rngs = [np.random.default_rng([3, seed, i]) for i in range(count)]
    return [_layers(rng, i, ("identity",), range(1, SIZE + 1), None, depth=1) for i, rng in enumerate(rngs)]


def affine_networks(count: int, seed: int) -> list[Case]:
    """Networks without activation."""
    rngs = [np.random.default_rng([10, seed, i]) for i in range(count)]
    return [_layers(rng, i, ("identity",), range(1, SIZE + 1), None) for i, rng in enumerate(rngs)]


def numbers(count: int, seed: int, scales: Sequence[float]) -> list[Case]:
    """Arrays to apply functions to: of these scales in turn, and every other one of integers, many of them 0."""
    cases = []
    for i in range(count):
        rng = np.random.default_rng([4, seed, i])
        shape = rng.integers(1, SIZE + 1, 2)
        scale = scales[i // 2 % len(scales)]
        cases.append(at((rng.integers(-3, 4, shape) if i % 2 else rng.standard_normal(shape) * scale).astype(float)))
    return cases


def predictions(count: int, seed: int, loss: str, samples: Sequence[int]) -> list[Case]:
    """Predictions and labels under a loss, of at least two outputs, as `prediction_as_weights` has them."""
    cases = []
    for i in range(count):
        rng = np.random.default_rng([5, seed, i])
        p, y = rng.standard_normal((2, rng.choice(samples), rng.integers(2, SIZE + 1)))
        cases.append(prediction_as_weights(p, y, loss))
    return cases


def _layers(
    rng: np.random.Generator,
    number: int,
    activations: Sequence[str],
    samples: Sequence[int],
    loss: str | None,
    depth: int | None = None,
) -> Case:
    depth = depth or int(rng.integers(1, DEPTH + 1))
    narrow = {0: depth + 1, 1: 2}.get(number % 4, 0)
    widths = [1 if i < narrow else int(rng.integers(1, SIZE + 1)) for i in range(depth + 1)]
    n, gain = int(rng.choice(samples)), 10 ** rng.uniform(-1, 0.3)
    return Case(
        weights=tuple(rng.standard_normal((k, r)) * gain for r, k in itertools.pairwise(widths)),
        biases=tuple(rng.standard_normal(k) * (0.5 * gain) for k in widths[1:]),
        x=rng.standard_normal((n, widths[0])),
        y=rng.random((n, widths[-1])),
        activations=tuple(str(g) for g in rng.choice(activations, depth)),
        loss=loss or str(rng.choice(SQUARED_ERRORS)),
        learning_rate=10 ** rng.uniform(-3, 0),
    )


def at(x: Array) -> Case:
    """A case whose x are the numbers to apply functions to; its network is of no consequence."""
    n, k = x.shape
    return Case((np.zeros((1, k)),), (np.zeros(1),), x, np.zeros((n, 1)), ("identity",), SQUARED_ERRORS[0], 1.0)


def prediction_as_weights(p: Array, y: Array, loss: str) -> Case:
    """A network whose prediction is p (n, k) and whose weights are p^T, so that dL/dW is (dL/dp)^T.

    One layer without activation: sample s is the s-th unit vector, and picks row s out of p.
    """
    n, k = p.shape
    return Case((p.T.copy(),), (np.zeros(k),), np.eye(n), y, ("identity",), loss, 1.0)


def input_as_weights(case: Case) -> Case:
    """The network behind a layer whose weights are x^T, so that dL/dW of that layer is (dL/dx)^T.

    The layer in front has no activation, and picks sample s out of x for the s-th unit vector.
    """
    return replace(
        case,
        weights=(case.x.T.copy(), *case.weights),
        biases=(np.zeros(case.widths[0]), *case.biases),
        x=np.eye(case.n),
        activations=("identity", *case.activations),
    )


def without_front(case: Case) -> Case:
    """The network that `input_as_weights` was given."""
    return replace(
        case,
        weights=case.weights[1:],
        biases=case.biases[1:],
        x=case.weights[0].T.copy(),
        activations=case.activations[1:],
    )


def outputs_and_gradients(case: Case) -> tuple[list[Array], list[Array]]:
    """x^(1), x^(2), ..., y' of a network of sigmoids, and dL/dx of each, by the implementation that is verified."""
    outputs = forward(case.weights, case.biases, case.x, case.activations)
    gradients = [loss_gradient(outputs[-1], case.y, case.loss)]
    for W, x_next, g in zip(case.weights[::-1], outputs[:0:-1], case.activations[::-1], strict=True):
        gradients.insert(0, times_derivative(gradients[0], x_next, g) @ W)
    return outputs, gradients
