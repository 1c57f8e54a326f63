"""The comparison: what an implementation gave, entry by entry, against what an oracle says and what the bounds allow.

A comparison always returns a record, whether it passes or not. What is judged comes in this order: whether there is an
answer at all, its type, its shape, its dtype, its values; a NaN never passes where a number was expected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from oracles.case import Quantity
from reference_impl.contract import Array

Verdict = Literal["agrees", "disagrees", "unchecked"]


@dataclass(frozen=True)
class Problem:
    """In place of an answer: why there is none. `fails` is false where that is not a mistake, only nothing to check."""

    cause: str
    fails: bool = True


@dataclass(frozen=True)
class Record:
    """The outcome for one quantity of one case against one oracle.

    entries: how many there are; failures: how many are off by more than is allowed; unchecked: how many have no
    finite allowance, or no answer that could be judged. ratio: the worst error / allowed of the checked entries,
    infinite where the error is not a number, NaN where nothing was checked. index, got, expected, allowed: of that
    worst entry. fineness: the sum of what is allowed over the sum of absolute expected values: how fine the check
    could see. cause: for a failure that is not one of values, and for what is unchecked, a phrase that says why.
    leniently: whether what disagrees would agree if elementary functions had to be accurate only absolutely.
    """

    quantity: Quantity
    verdict: Verdict
    entries: int
    failures: int
    unchecked: int
    ratio: float
    index: tuple[int, ...] | None = None
    got: float = math.nan
    expected: float = math.nan
    allowed: float = math.nan
    fineness: float = math.nan
    cause: str = ""
    leniently: bool = False

    def explanation(self, oracle: str) -> str:
        """The outcome in a sentence."""
        if self.verdict == "agrees":
            return f"{self.quantity} agrees with {oracle}: error / allowed is at most {self.ratio:.3g}"
        if self.verdict == "unchecked":
            return f"{self.quantity} is unchecked against {oracle}: {self.cause}"
        if self.cause:
            return f"{self.quantity} disagrees with {oracle}: {self.cause}"
        return (
            f"{self.quantity} disagrees with {oracle} in {self.failures} of {self.entries} entries, worst at "
            f"{list(self.index or ())}: got {self.got!r}, expected {self.expected!r}, allowed to differ by "
            f"{self.allowed:.3g} (error / allowed {self.ratio:.3g})"
        )


def compare(quantity: Quantity, got: Any, expected: Array, allowed: Array, dtype: str) -> Record:
    """Judge one quantity.

    got: what the implementation gave, anything at all, or a `Problem`. expected: the oracle's answer, float64.
    allowed: the sum of both sides' error bounds, of the same shape; infinite entries are not checked. dtype: what got
    should have.
    """
    problem = got if isinstance(got, Problem) else _structure(got, expected.shape, dtype)
    if problem is not None:
        return _without_values(quantity, expected.size, problem)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        values = np.asarray(got, dtype=np.float64)
        checked = np.isfinite(allowed) & np.isfinite(expected)
        error = np.abs(values - expected)
        ratio = np.where(error == 0, 0.0, error / allowed)
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
    failures, unchecked = int((ratio > 1)[checked].sum()), int(checked.size - checked.sum())
    unlimited = "rounding alone can change it without limit" if unchecked else ""
    cause = unlimited if np.isfinite(expected[np.isfinite(allowed)]).all() else "the oracle gives no finite value"
    if unchecked == checked.size:
        return Record(quantity, "unchecked", checked.size, 0, unchecked, math.nan, cause=cause)
    index = np.unravel_index(np.argmax(np.where(checked, ratio, -1.0)), ratio.shape)
    if failures:
        cause = f"NaN at {_indices(index)}, should be {float(expected[index])!r}" if np.isnan(values[index]) else ""
    return Record(
        quantity=quantity,
        verdict="disagrees" if failures else "agrees",
        entries=checked.size,
        failures=failures,
        unchecked=unchecked,
        ratio=float(ratio[index]),
        index=tuple(_indices(index)),
        got=float(values[index]),
        expected=float(expected[index]),
        allowed=float(allowed[index]),
        fineness=_fineness(allowed[checked], expected[checked]),
        cause=cause,
    )


def _indices(index: tuple[Any, ...]) -> list[int]:
    return [int(i) for i in index]


def _structure(got: Any, shape: tuple[int, ...], dtype: str) -> Problem | None:
    """What is wrong with type, shape or dtype, if anything. A Python float will do for a scalar of either dtype."""
    if shape == () and isinstance(got, float) and not isinstance(got, np.generic):
        return None
    if not isinstance(got, np.ndarray | np.generic):
        return Problem(f"a value of type {type(got).__name__}, should be an array")
    if got.shape != shape:
        return Problem(f"shape {got.shape}, should be {shape}")
    if got.dtype != dtype:
        return Problem(f"dtype {got.dtype}, should be {dtype}")
    return None


def _without_values(quantity: Quantity, entries: int, problem: Problem) -> Record:
    if problem.fails:
        return Record(quantity, "disagrees", entries, entries, 0, math.inf, cause=problem.cause)
    return Record(quantity, "unchecked", entries, 0, entries, math.nan, cause=problem.cause)


def _fineness(allowed: Array, expected: Array) -> float:
    """What is allowed in all, over the sum of absolute expected values; NaN where those are all 0."""
    size = float(np.abs(expected).sum())
    return float(allowed.sum()) / size if size > 0 else math.nan
