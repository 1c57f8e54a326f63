"""What must not be called a mistake: the same mathematics written in other ways, each a `Textbook` with other steps.

They differ in the order of their sums, in the form of their slopes, and in whether they loop, and so in their rounding
errors; all are right.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from backproof import reference_impl
from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers


class Loops(Textbook):
    """Every sum as a loop over single numbers, as in a first program without arrays."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        z = np.empty((len(a), len(W)), np.result_type(a, W, b))
        for s, row in enumerate(a):
            for j, weights in enumerate(W):
                total = b[j]
                for value, weight in zip(row, weights, strict=True):
                    total = total + value * weight
                z[s, j] = total
        return z

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return functools.reduce(np.add, d)


class BackwardLoops(Textbook):
    """Sums over features from the last to the first, and over samples too."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        z = np.zeros((len(a), len(W)), np.result_type(a, W, b))
        for i in reversed(range(W.shape[1])):
            z += a[:, i, None] * W[:, i]
        return z + b

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        dW = np.zeros((d.shape[1], received.shape[1]), d.dtype)
        for delta, a in zip(d[::-1], received[::-1], strict=True):
            dW += np.outer(delta, a)
        return dW


class Einsum(Textbook):
    """einsum everywhere."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return np.einsum("ni,ji->nj", a, W) + b

    def times_weights(self, d: Array, W: Array) -> Array:
        return np.einsum("nj,ji->ni", d, W)

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return np.einsum("nj,ni->ji", d, received)

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.einsum("nj->j", d)


class Blocks(Textbook):
    """Sums over blocks of three features, then over the blocks; samples in blocks as well."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        starts = range(0, W.shape[1], 3)
        return b + sum(a[:, i : i + 3] @ W[:, i : i + 3].T for i in starts)

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return functools.reduce(np.add, [d[i : i + 3].T @ received[i : i + 3] for i in range(0, len(d), 3)])

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return functools.reduce(np.add, [d[i : i + 3].sum(axis=0) for i in range(0, len(d), 3)])


class Accumulated(Textbook):
    """Sums one after the other in the arrays' own precision, as a running total is kept."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        products = a[:, None, :] * W
        return np.cumsum(products, axis=2, dtype=products.dtype)[..., -1] + b

    def times_weights(self, d: Array, W: Array) -> Array:
        return np.cumsum(d[:, :, None] * W, axis=1, dtype=d.dtype)[:, -1]

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return np.cumsum(d[:, :, None] * received[:, None, :], axis=0, dtype=d.dtype)[-1]

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.cumsum(d, axis=0, dtype=d.dtype)[-1]


class SamplesInColumns(Textbook):
    """Everything transposed, with one column for a sample."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return np.ascontiguousarray((W @ np.ascontiguousarray(a.T) + b[:, None]).T)

    def times_weights(self, d: Array, W: Array) -> Array:
        return (W.T @ d.T).T

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return np.ascontiguousarray(d.T) @ received

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return (d.T @ np.ones((len(d), 1), d.dtype))[:, 0]


class BiasAsWeight(Textbook):
    """The bias as the weight of a feature that is always 1."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return np.column_stack([a, np.ones(len(a), a.dtype)]) @ np.column_stack([W, b]).T


class _Scaled(Textbook):
    """Whatever the loss, its terms are multiplied with one number."""

    def __init__(self, number: float) -> None:
        self.number = number

    def scale(self, y: Array, loss: str) -> float:
        return self.number


class SampleBySample(Textbook):
    """One sample at a time, as in stochastic gradient descent, and the gradients added up."""

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        one = _Scaled(self.scale(y, loss))
        grads = [one.backward(weights, biases, x[s : s + 1], y[s : s + 1], activations, loss) for s in range(len(x))]
        dWs, dbs = ([np.sum(parts, axis=0) for parts in zip(*part, strict=True)] for part in zip(*grads, strict=True))
        return dWs, dbs


class Compensated(Textbook):
    """Sums without any error but a last rounding."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return self._dots(a, W, b)

    def times_weights(self, d: Array, W: Array) -> Array:
        return self._dots(d, W.T, np.zeros(W.shape[1], d.dtype))

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.array([_exact_sum(column) for column in d.T.tolist()], d.dtype)

    def _dots(self, a: Array, W: Array, b: Array) -> Array:
        terms = (a[:, None, :].astype(np.float64) * W).tolist()
        sums = [[_exact_sum([*ts, b_j]) for ts, b_j in zip(row, b, strict=True)] for row in terms]
        return np.array(sums, np.result_type(a, W, b))


def _exact_sum(terms: list[float]) -> float:
    """The sum; where infinities cancel or it overflows on the way, which fsum refuses, what adding up gives."""
    try:
        return math.fsum(terms)
    except (ValueError, OverflowError):
        return sum(terms)


class Naive(Textbook):
    """The sigmoid as it is printed, slopes as products of outputs, softmax's whole Jacobian."""

    def sigmoid(self, z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def softmax_backward(self, z: Array, p: Array, v: Array) -> Array:
        J = p[:, :, None] * np.eye(p.shape[1], dtype=p.dtype) - p[:, :, None] * p[:, None, :]
        return np.einsum("njl,nl->nj", J, v)

    def tanh_prime(self, z: Array) -> Array:
        return 1 - self.tanh(z) * self.tanh(z)


class Products(Textbook):
    """Slopes as products in which nothing cancels."""

    def sigmoid(self, z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def sigmoid_prime(self, z: Array) -> Array:
        return self.sigmoid(z) * self.sigmoid(-z)

    def tanh_prime(self, z: Array) -> Array:
        return (1 - np.tanh(z)) * (1 + np.tanh(z))

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        outers = [np.outer(delta, a) for delta, a in zip(d[::-1], received[::-1], strict=True)]
        return functools.reduce(np.add, outers)


class Exponentials(Textbook):
    """Stable forms: slopes from exponentials of negative numbers, and from hyperbolic cosines."""

    def sigmoid(self, z: Array) -> Array:
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + e), e / (1 + e))

    def sigmoid_prime(self, z: Array) -> Array:
        e = np.exp(-np.abs(z))
        return e / (1 + e) ** 2

    def tanh_prime(self, z: Array) -> Array:
        return 1 / np.cosh(np.minimum(np.abs(z), 40)) ** 2


class MeanLast(Textbook):
    """The loss's factor and mean applied to finished gradients instead of the first delta."""

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        c = self.scale(y, loss)
        dWs, dbs = _Scaled(1.0).backward(weights, biases, x, y, activations, loss)
        return [c * dW for dW in dWs], [c * db for db in dbs]


ACCEPTED: dict[str, Callable[[], Any]] = {
    "reference_impl": lambda: reference_impl,
    "Textbook": Textbook,
    **{
        value.__name__: value
        for value in list(globals().values())
        if isinstance(value, type) and issubclass(value, Textbook) and value not in (Textbook, _Scaled)
    },
}
