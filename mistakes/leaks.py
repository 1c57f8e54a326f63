"""Precision leaks: one step of a right backpropagation computed in half as many bits, and nothing else wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers

NARROWER = {np.dtype(np.float64): np.float32, np.dtype(np.float32): np.float16}


def narrow(value: Any) -> Array:
    """Through the next narrower dtype and back, as a cast that was forgotten about does it."""
    value = np.asarray(value)
    with np.errstate(over="ignore"):
        return value.astype(NARROWER[value.dtype]).astype(value.dtype)


def _leak(step: str) -> type[Textbook]:
    """The textbook with that step's result rounded."""

    def leaking(self: Textbook, *arguments: Any) -> Array:
        return narrow(getattr(Textbook, step)(self, *arguments))

    return type(f"Leak_{step}", (Textbook,), {step: leaking})


class InputsLeak(Textbook):
    """The inputs are rounded before the first layer."""

    def propagate(
        self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]
    ) -> tuple[list[Array], list[Array]]:
        outputs, zs = super().propagate(weights, biases, narrow(x), activations)
        return [x, *outputs[1:]], zs


class WeightsLeak(Textbook):
    """The weights are rounded, going forward."""

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return super().affine(a, narrow(W), b)


class OutputsLeak(Textbook):
    """The outputs of the layers are rounded."""

    def activate(self, z: Array, g: str) -> Array:
        return narrow(super().activate(z, g))


LEAKS: dict[str, type[Textbook]] = {
    "the input": InputsLeak,
    "the weights, forward": WeightsLeak,
    "the pre-activations": _leak("affine"),
    "the outputs of layers": OutputsLeak,
    "the slopes g'": _leak("prime"),
    "the residual y' - y": _leak("residual"),
    "delta of the last layer": _leak("output_delta"),
    "delta W, going back": _leak("times_weights"),
    "deltas of hidden layers": _leak("hidden_delta"),
    "the gradients of weights": _leak("grad_weight"),
    "the gradients of biases": _leak("grad_bias"),
    "the loss": _leak("loss"),
}
