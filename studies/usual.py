"""The tolerances in use today, to set beside the derived bounds: what they would catch, and what they would blame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backproof.oracles.case import Answer, Quantity
from backproof.reference_impl.contract import Array


@dataclass(frozen=True)
class Tolerance:
    """|got - expected| <= atol + rtol |expected| for every entry of an array, in each dtype by (rtol, atol).

    times_size: whether both are multiplied by the number of entries. nan_equal: whether a NaN is what a NaN should be.
    dtype_matters: whether another dtype is rejected. Where a dtype has no pair, the tool refuses it.
    """

    name: str
    pairs: Mapping[str, tuple[float, float]]
    times_size: bool = False
    nan_equal: bool = False
    dtype_matters: bool = False

    def allowed(self, expected: Array, dtype: str) -> Array:
        """How far each entry may be off."""
        rtol, atol = self.pairs[dtype]
        return (atol + rtol * np.abs(expected)) * (expected.size if self.times_size else 1)

    def accepts(self, got: Any, expected: Array, dtype: str) -> bool:
        """Whether an array is close enough; one of another shape is not, and nor is what is no array."""
        if np.shape(got) != expected.shape or not isinstance(got, np.ndarray | np.generic | float):
            return False
        if self.dtype_matters and isinstance(got, np.ndarray) and got.dtype != dtype:
            return False
        value = np.asarray(got, np.float64)
        with np.errstate(all="ignore"):
            close = np.abs(value - expected) <= self.allowed(expected, dtype)
            close = np.where(np.isfinite(expected), close, value == expected)
        if self.nan_equal:
            close |= np.isnan(value) & np.isnan(expected)
        return bool(close.all())


def _all(rtol: float, atol: float) -> dict[str, tuple[float, float]]:
    return dict.fromkeys(("float64", "float32", "bfloat16", "float16"), (rtol, atol))


# Their defaults; a test holds each against the function itself.
ASSERT_CLOSE = Tolerance(
    "torch assert_close",
    {"float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float16": (1e-3, 1e-5)},
    dtype_matters=True,
)
ASSERT_ALLCLOSE = Tolerance("numpy assert_allclose", _all(1e-7, 0.0), nan_equal=True)
ALLCLOSE = Tolerance("numpy allclose", _all(1e-5, 1e-8))
USUAL = (
    ASSERT_CLOSE,
    ASSERT_ALLCLOSE,
    ALLCLOSE,
    Tolerance("torch gradcheck", {"float64": (1e-3, 1e-5)}),
    Tolerance("jax check_grads", {"float64": (1e-5, 1e-5), "float32": (2e-3, 2e-3)}, times_size=True, nan_equal=True),
)


def usually_caught(got: Mapping[Quantity, Any], expected: Answer, dtype: str) -> set[str]:
    """The names of the tolerances under which any quantity of a case is not close enough.

    Expected values are the float64 oracle's, rounded to the dtype: finer than the values in float32 that people compare
    with, and so the tolerances are shown at their best. What could not be computed at all every tool sees.
    """
    caught = set()
    for tolerance in USUAL:
        if dtype in tolerance.pairs:
            rounded = ((q, value.astype(dtype).astype(np.float64)) for q, value in expected.items())
            if not all(_unjudged(got[q]) or tolerance.accepts(got[q], value, dtype) for q, value in rounded):
                caught.add(tolerance.name)
    return caught


def _unjudged(got: Any) -> bool:
    """Whether there is no answer, and no mistake either."""
    return not getattr(got, "fails", True)
