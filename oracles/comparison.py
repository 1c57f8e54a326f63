"""The comparison: what an implementation gave, entry by entry, against what an oracle says and what the bounds allow.

A comparison always returns a record, whether it passes or not. What is judged comes in this order: whether there is an
answer at all, its type, its shape, its dtype, its values; a NaN never passes where a number was expected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from backproof.oracles.case import Answer, Quantity
from backproof.oracles.layout import starts_of
from backproof.reference_impl.contract import Array

Verdict = Literal["agrees", "disagrees", "unchecked"]
Outside = Literal["", "implementation", "oracle", "both", "neither", "undecided"]


# Why entries are unchecked.
NO_FINITE_VALUE = "the oracle gives no finite value"
NO_FINITE_BOUND = "rounding alone can change it without limit"
TOO_COARSE = "rounding alone can change it by a tenth"

# An entry is checked where no more than this is allowed, relative to its value or to the largest of its array that is
# checked: zeros in its place, twice its value or the other sign would be seen. And where neither what is allowed nor
# anything in its array is more than a thousand times the smallest normal number: it is 0 as far as the precision goes.
COARSE = 0.1
NOTHING = {"float64": 2.0**-1012, "float32": 2.0**-116}


@dataclass(frozen=True)
class Problem:
    """In place of an answer: why there is none. `fails` is false where that is not a mistake, only nothing to check."""

    cause: str
    fails: bool = True


@dataclass(frozen=True)
class Record:
    """The outcome for one quantity of one case against one oracle.

    entries: how many there are; failures: how many are off by more than is allowed; unchecked: how many have no
    finite allowance, no answer that could be judged, or are not off by an allowance that is too coarse; coarse: how
    many of these are that; finer: to how many of those the answer in float64 is checked and right. ratio: the worst
    error / allowed of the checked entries, infinite where the error is not a number, NaN where nothing was checked.
    index, got, expected, allowed: of that worst entry. all_allowed, all_expected: what is allowed, and the absolute
    expected values, summed over the checked entries. cause: for a failure that is not one of values, and for what is
    unchecked, a phrase that says why.
    leniently: whether what disagrees would agree if elementary functions had to be accurate only absolutely. outside:
    of two that disagree, which is farther from the certified value than its own bound (`oracles.attribution`).
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
    all_allowed: float = math.nan
    all_expected: float = math.nan
    cause: str = ""
    leniently: bool = False
    outside: Outside = ""
    coarse: int = 0
    finer: int = 0

    @property
    def why_unchecked(self) -> str:
        """Why nothing was checked, and whether the answer in float64 was."""
        of = f" on {self.finer} of {self.coarse}" if self.finer < self.coarse else ""
        return f"{self.cause}; its answer in float64 is right{of}" if self.finer else self.cause

    @property
    def fineness(self) -> float:
        """How fine the check could see: all that is allowed over all that is expected; NaN where that is nothing."""
        return fineness(self.all_allowed, self.all_expected)

    def explanation(self, oracle: str) -> str:
        """The outcome in a sentence."""
        if self.verdict == "agrees":
            return f"{self.quantity} agrees with {oracle}: error / allowed is at most {self.ratio:.3g}"
        if self.verdict == "unchecked":
            return f"{self.quantity} is unchecked against {oracle}: {self.why_unchecked}"
        if self.cause:
            return f"{self.quantity} disagrees with {oracle}: {self.cause}"
        return (
            f"{self.quantity} disagrees with {oracle} in {self.failures} of {self.entries} entries, worst at "
            f"{list(self.index or ())}: got {self.got!r}, expected {self.expected!r}, allowed to differ by "
            f"{self.allowed:.3g} (error / allowed {self.ratio:.3g}){say_outside(self.outside, oracle)}"
        )


def fineness(allowed: float, expected: float) -> float:
    """allowed / expected, or NaN where that is no finite number."""
    return allowed / expected if expected > 0 and math.isfinite(allowed / expected) else math.nan


def say_outside(outside: Outside, oracle: str) -> str:
    """Which of the two is wrong, as an end of a sentence; empty where nothing was certified."""
    if outside == "undecided":
        return "; undecidable: kink, the certified value cannot be enclosed narrowly enough to say who is wrong"
    who = {
        "": "",
        "implementation": "the implementation alone",
        "oracle": f"{oracle} alone",
        "both": f"the implementation and {oracle}",
        "neither": "neither of them",
    }[outside]
    return f"; farther from the certified value than its own bound: {who}" if who else ""


def compare(
    got: Mapping[Quantity, Any],
    expected: Answer,
    allowed: Answer,
    dtype: str,
    finely: Mapping[Quantity, Array] = MappingProxyType({}),
) -> list[Record]:
    """Judge all quantities of one case against one oracle, in the order of `expected`.

    got: what the implementation gave for each, anything at all, or a `Problem`. expected: the oracle's answer, float64.
    allowed: the sum of both sides' error bounds; infinite entries are not checked. dtype: what got should have.
    finely: for which entries the answer in float64 was checked and is right, where that was asked for.
    """
    problems = {quantity: _problem(got[quantity], value.shape, dtype) for quantity, value in expected.items()}
    judged = iter(
        _compare_values(
            [
                _Compared(q, got[q], expected[q], allowed[q], finely.get(q, np.zeros(allowed[q].shape)))
                for q, p in problems.items()
                if p is None
            ],
            dtype,
        )
    )
    return [
        next(judged) if problem is None else without_values(quantity, expected[quantity].size, problem)
        for quantity, problem in problems.items()
    ]


class _Compared(NamedTuple):
    """A quantity whose values are to be compared."""

    quantity: Quantity
    got: Any
    expected: Array
    allowed: Array
    finely: Array


def _compare_values(compared: list[_Compared], dtype: str) -> list[Record]:
    """The records of quantities of the right shape and dtype, worked out for all of their entries at once."""
    if not compared:
        return []
    got, expected, allowed, finely = (
        np.concatenate([np.ravel(np.asarray(one[i], dtype=np.float64)) for one in compared]) for i in (1, 2, 3, 4)
    )
    sizes = np.array([one.expected.size for one in compared])
    found = compare_segments(got, expected, allowed, sizes, nothing=NOTHING[dtype], finely=finely > 0)
    starts = starts_of(sizes)
    records = []
    for i, (one, start, size) in enumerate(zip(compared, starts.tolist(), sizes.tolist(), strict=True)):
        worst, failures, unchecked = int(found.worst[i]), int(found.failures[i]), int(found.unchecked[i])
        coarse, finer = int(found.coarse[i]), int(found.finer[i])
        cause = ""
        if failures:
            cause = "" if not np.isnan(got[worst]) else f"NaN, should be {float(expected[worst])!r}"
        elif unchecked:
            cause = why_unchecked(unchecked, int(found.unknown[i]), coarse)
        if unchecked == size:
            records.append(
                Record(one.quantity, "unchecked", size, 0, size, math.nan, cause=cause, coarse=coarse, finer=finer)
            )
            continue
        records.append(
            Record(
                quantity=one.quantity,
                verdict="disagrees" if failures else "agrees",
                entries=size,
                failures=failures,
                unchecked=unchecked,
                ratio=float(found.ratio[i]),
                index=tuple(int(j) for j in np.unravel_index(worst - start, one.expected.shape)),
                got=float(got[worst]),
                expected=float(expected[worst]),
                allowed=float(allowed[worst]),
                all_allowed=float(found.all_allowed[i]),
                all_expected=float(found.all_expected[i]),
                cause=cause,
                coarse=coarse,
                finer=finer,
            )
        )
    return records


def why_unchecked(unchecked: int, unknown: int, coarse: int) -> str:
    """Why so many entries are unchecked, of which the oracle does not know some, and some are too coarse."""
    if unknown:
        return NO_FINITE_VALUE
    return TOO_COARSE if coarse == unchecked else NO_FINITE_BOUND


class Segments(NamedTuple):
    """What a comparison found in each segment of a line of entries.

    failures, unchecked: how many entries; unknown: how many that a bound would allow to check, but the oracle does not
    know; coarse: how many of the unchecked have a bound that is too coarse; finer: how many of these were checked
    otherwise. ratio: the largest error / allowed, -1
    where nothing was checked; worst: the entry that has it. all_allowed, all_expected: what is allowed, and the
    absolute expected values, summed over the checked entries.
    """

    failures: Array
    unchecked: Array
    unknown: Array
    coarse: Array
    finer: Array
    ratio: Array
    worst: Array
    all_allowed: Array
    all_expected: Array


class _Entries(NamedTuple):
    """Of each entry: error / allowed, whether the bound is too coarse for it, or keeps it from being checked at all."""

    ratio: Array
    coarse: Array
    checked: Array


def _entries(got: Array, expected: Array, allowed: Array, sizes: Array, nothing: float) -> _Entries:
    starts = starts_of(sizes)
    with np.errstate(all="ignore"):
        error = np.abs(got - expected)
        ratio = np.divide(error, allowed, out=np.zeros_like(error), where=error != 0)
        absolute = np.abs(expected)
    bounded, known = np.isfinite(allowed), np.isfinite(expected)
    array, fine = (
        np.repeat(np.maximum.reduceat(np.where(counts, absolute, 0.0), starts), sizes)
        for counts in (known, known & (allowed <= COARSE * absolute))
    )
    coarse = bounded & known & (allowed > COARSE * fine) & (np.maximum(allowed, array) > nothing) & (ratio <= 1)
    return _Entries(ratio, coarse, bounded & known & ~coarse)


def are_right(got: Array, expected: Array, allowed: Array, sizes: Array, *, nothing: float) -> Array:
    """Which entries are checked, as `compare_segments` has it, in segments where all that are checked are right."""
    found = _entries(got, expected, allowed, sizes, nothing)
    right = np.logical_and.reduceat(~found.checked | (found.ratio <= 1), starts_of(sizes))
    return found.checked & np.repeat(right, sizes)


def compare_segments(
    got: Array, expected: Array, allowed: Array, sizes: Array, *, nothing: float = 0.0, finely: Array | bool = False
) -> Segments:
    """Compare entry by entry, and sum up over segments of the given sizes, one or more, that follow each other.

    nothing: what is no more than 0, in the precision of the numbers. finely: which entries were checked otherwise.
    """
    starts = starts_of(sizes)
    ratio, coarse, checked = _entries(got, expected, allowed, sizes, nothing)
    ratio = np.where(checked, ratio, -1.0)
    absolute = np.where(checked, np.abs(expected), 0.0)
    allowed, unknown = np.where(checked, allowed, 0.0), np.isfinite(allowed) & ~np.isfinite(expected)
    largest = np.maximum.reduceat(ratio, starts)
    if np.isnan(largest).any():  # an answer of NaN is wrong beyond all bounds
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        largest = np.maximum.reduceat(ratio, starts)
    failures = np.add.reduceat(ratio > 1, starts) if (largest > 1).any() else np.zeros(len(sizes), int)
    where = np.flatnonzero(ratio == np.repeat(largest, sizes))
    with np.errstate(all="ignore"):
        return Segments(
            failures=failures,
            unchecked=np.add.reduceat(~checked, starts),
            unknown=np.add.reduceat(unknown, starts),
            coarse=np.add.reduceat(coarse, starts),
            finer=np.add.reduceat(coarse & finely, starts),
            ratio=largest,
            worst=where[np.searchsorted(where, starts)],
            all_allowed=np.add.reduceat(allowed, starts),
            all_expected=np.add.reduceat(absolute, starts),
        )


def _problem(got: Any, shape: tuple[int, ...], dtype: str) -> Problem | None:
    """What keeps a quantity's values from being compared, if anything."""
    return got if isinstance(got, Problem) else _structure(got, shape, dtype)


def _structure(got: Any, shape: tuple[int, ...], dtype: str) -> Problem | None:
    """What is wrong with type, shape or dtype, if anything. A Python float will do for a scalar of either dtype."""
    if shape == () and isinstance(got, float) and not isinstance(got, np.generic):
        return None
    if not isinstance(got, np.ndarray | np.generic):
        return no_array(got)
    if got.shape != shape:
        return Problem(f"shape {got.shape}, should be {shape}")
    if got.dtype != dtype:
        return Problem(f"dtype {got.dtype}, should be {dtype}")
    return None


def no_array(got: Any) -> Problem:
    """That a value is no array."""
    return Problem(f"a value of type {type(got).__name__}, should be an array")


def without_values(quantity: Quantity, entries: int, problem: Problem) -> Record:
    """The record of a quantity that there are no values of."""
    if problem.fails:
        return Record(quantity, "disagrees", entries, entries, 0, math.inf, cause=problem.cause)
    return Record(quantity, "unchecked", entries, 0, entries, math.nan, cause=problem.cause)
