"""Mistakes with state, types and edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers


class BatchSizeKept(Textbook):
    """The number of samples is remembered from the first call, and used ever after."""

    hint = "Call it with 4 samples, then with 8. Where does n come from the second time?"
    remembers = True

    def __init__(self) -> None:
        self._n: int | None = None

    def scale(self, y: Array, loss: str) -> float:
        self._n = self._n or len(y)
        return super().scale(y, loss) * (len(y) / self._n if loss.endswith("_mean") else 1)


class ChangesInputs(Textbook):
    """The inputs are changed in place."""

    hint = (
        "Compare x before and after the call. `-=`, `*=`, `x[...] =` and `out=` change the array that the caller holds."
    )

    def take(self, x: Array) -> Array:
        x -= x.mean(axis=0)
        return x


class ChangesLabels(Textbook):
    """The labels are changed in place."""

    hint = (
        "Compare y before and after the call. `-=`, `*=`, `y[...] =` and `out=` change the array that the caller holds."
    )

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        y -= p
        return -y


class IntegersTruncate(Textbook):
    """The inputs are turned into integers, and lose their fractions."""

    hint = "What is left of 0.7 when it becomes an integer? Look for dtype=int and astype(int)."

    def take(self, x: Array) -> Array:
        return np.trunc(x)


class OutputsOfInputType(Textbook):
    """Results are stored in arrays made like the input: of whole numbers, where that has whole numbers."""

    hint = "Try x = np.array([[1, 2]]). Which dtype does np.zeros_like(x) have, and what becomes of 0.7 in it?"

    def store(self, a: Array, x: Array) -> Array:
        return a.astype(x.dtype)


class FailsForOneSample(Textbook):
    """It fails for one sample: a dimension of 1 is squeezed away."""

    hint = (
        "Print the shapes on the way for n = 1. `squeeze`, `x[0]` and `np.dot` of vectors lose the samples' dimension."
    )
    only_fails = True

    def take(self, x: Array) -> Array:
        if len(x) == 1:
            raise IndexError("too few dimensions: one sample was squeezed to a vector")
        return x


class FailsForOneFeature(Textbook):
    """It fails for one feature: a dimension of 1 is squeezed away."""

    hint = "Print the shapes on the way for x of shape (n, 1). What do `squeeze` and `ravel` make of it?"
    only_fails = True

    def take(self, x: Array) -> Array:
        if x.shape[1] == 1:
            raise IndexError("too few dimensions: one feature was squeezed to a vector")
        return x


class FailsForOneNeuron(Textbook):
    """It fails for a hidden layer with one neuron: a dimension of 1 is squeezed away."""

    hint = "Print the shapes on the way for a hidden layer of width 1. What do `squeeze` and `ravel` make of (n, 1)?"
    only_fails = True

    def propagate(
        self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]
    ) -> tuple[list[Array], list[Array]]:
        if any(len(b) == 1 for b in biases[:-1]):
            raise IndexError("too few dimensions: one neuron was squeezed to a vector")
        return super().propagate(weights, biases, x, activations)


class Float32InTheMiddle(Textbook):
    """Numbers pass through single precision on the way, and half of their digits are lost."""

    hint = "Look for float32 in your code, and for random or fixed arrays with a dtype of their own."

    def store(self, a: Array, x: Array) -> Array:
        return a.astype(np.float32).astype(x.dtype)
