"""The activations and their derivatives, where z is the pre-activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backproof.conformance.examiner import Examiner, Function
from backproof.oracles.case import Quantity
from backproof.oracles.comparison import Problem

OF_ANY_SHAPE = ("sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime")

SHAPES = {
    "vector": lambda z: (z.size,),
    "three-axes": lambda z: (z.shape[0], 1, z.shape[1]),
    "column": lambda z: (z.size, 1),
}


def test_sigmoid(examine: Examiner) -> None:
    """g(z) = 1 / (1 + e^-z) (N2)."""
    examine("sigmoid")


def test_sigmoid_prime(examine: Examiner) -> None:
    """g'(z) = g(z) (1 - g(z)), where z is the pre-activation (N3)."""
    examine("sigmoid_prime")


def test_relu(examine: Examiner) -> None:
    """max(0, z) (N5)."""
    examine("relu")


def test_relu_prime(examine: Examiner) -> None:
    """1 where z > 0, 0 where z < 0 (N6)."""
    examine("relu_prime", on=lambda case: bool(case.x.all()))


def test_relu_prime_at_zero(examine: Examiner) -> None:
    """0 where z is exactly 0, as PyTorch and JAX have it (N6)."""
    examine("relu_prime", on=lambda case: not case.x.all())


def test_tanh(examine: Examiner) -> None:
    """The hyperbolic tangent."""
    examine("tanh")


def test_tanh_prime(examine: Examiner) -> None:
    """1 - tanh(z)^2, where z is the pre-activation."""
    examine("tanh_prime")


def test_softmax(examine: Examiner) -> None:
    """e^z_j / sum_l e^z_l over the k columns of z (n, k)."""
    examine("softmax")


def test_softmax_of_rows_far_apart(examine: Examiner) -> None:
    """Every row by itself, however far from the others and from 0 it lies."""
    examine("softmax", on=lambda case: float(np.ptp(case.x.max(axis=1))) > 700, profile="saturated")


def test_softmax_sums_to_one(examine: Examiner) -> None:
    """Each row sums to 1, as nearly as the rounding errors of its entries let it."""
    quantity = Quantity("softmax")
    for probe, got in examine.answers("softmax"):
        (record,) = probe.records(got, ["softmax"])
        if record.cause.startswith("NaN") and not examine.strict:
            continue  # of which `test_softmax` tells, and whether that is no mistake
        if record.cause:
            examine.fail(probe.case, f"softmax: {record.cause} [softmax(z), z of shape {probe.case.x.shape}]")
        sums = got[quantity].sum(axis=1, dtype=np.float64)
        allowed = probe.allowed[quantity].sum(axis=1) + probe.case.widths[0] * np.finfo(np.float64).eps
        i = int(np.argmax(np.abs(sums - 1) / allowed))
        if abs(sums[i] - 1) > allowed[i]:
            got_and_due = f"softmax(z)[{i}].sum()={float(sums[i])!r}, but should be 1.0"
            examine.fail(
                probe.case, f"{got_and_due} [softmax(z), z of shape {probe.case.x.shape}]\nwithin {allowed[i]:.3g}"
            )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("function", OF_ANY_SHAPE)
def test_any_shape(examine: Examiner, function: str, shape: str) -> None:
    """An activation or derivative takes arrays of any shape, and gives one of the same."""
    examine.unchanged(function, _on(SHAPES[shape]))


@pytest.mark.parametrize("function", OF_ANY_SHAPE)
def test_no_axes(examine: Examiner, function: str) -> None:
    """The array may have no axes at all."""

    def called(g: Function) -> Function:
        def call(z: Any) -> Any:
            values = np.empty_like(z)
            for place, value in np.ndenumerate(z):
                result = g(np.array(value))
                if np.shape(result) != ():
                    return Problem(f"shape {np.shape(result)} for z of shape (), should be the same")
                values[place] = result
            return values

        return call

    examine.unchanged(function, called, on=lambda case: case.x.size < 10)


def _on(shape: Callable[[Any], tuple[int, ...]]) -> Callable[[Function], Function]:
    """Call a function of z on z in another shape, and bring the result back into the first."""

    def called(g: Function) -> Function:
        def call(z: Any) -> Any:
            given = z.reshape(shape(z))
            result = g(given)
            if np.shape(result) != given.shape:
                return Problem(f"shape {np.shape(result)} for z of shape {given.shape}, should be the same")
            return result.reshape(z.shape)

        return call

    return called
