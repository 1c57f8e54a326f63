"""A function's answers about a network, which are the contract's or not: what explanations are held against."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import OF_INPUT, Answer, Case, Quantity
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import Array
from backproof.verification.repeated import DEPENDS

# Above it a float64's exponential is infinite, and a float32's.
LARGEST_EXPONENT = {"float64": math.log(np.finfo(np.float64).max), "float32": math.log(np.finfo(np.float32).max)}

# Rounding errors are of one sign in no smaller share than this; systematic ones are.
ONE_SIDED = 0.2


@dataclass(frozen=True, eq=False)
class Answered:
    """A function's answers about a network, which are the contract's or not.

    at: where it stands, for whoever asked. prediction: what the loss was asked about. got: by quantity, anything at
    all, or a `Problem`. expected: an oracle's answer; own, lenient: what an honest implementation may be off by.
    failing: the quantities that disagree, if any; leniently: whether all of those would agree if accuracy were
    absolute.
    """

    function: str
    case: Case
    prediction: Array
    got: Mapping[Quantity, Any]
    expected: Answer
    own: Answer
    failing: frozenset[Quantity] = frozenset()
    lenient: Answer | None = None
    leniently: bool = False
    at: tuple[int, int] = (0, 0)

    def of_kind(self, kind: str) -> Answered:
        """The same for one kind of quantity alone."""
        return replace(
            self,
            got={q: value for q, value in self.got.items() if q.kind == kind},
            expected={q: value for q, value in self.expected.items() if q.kind == kind},
            failing=frozenset(q for q in self.failing if q.kind == kind),
        )

    @property
    def raised(self) -> bool:
        """Whether there is an error in the place of an array, and one that comes each time."""
        problems = [given for given in self.got.values() if isinstance(given, Problem)]
        return bool(problems) and all(" raised " in one.cause and not one.cause.startswith(DEPENDS) for one in problems)

    @property
    def has_other_shapes(self) -> bool:
        """Whether an array has another shape than it should have."""
        return any(
            isinstance(given, np.ndarray) and given.shape != np.shape(self.expected[q]) for q, given in self.got.items()
        )

    @cached_property
    def overflows(self) -> bool:
        """Whether something is not finite where an exponential may have overflowed."""
        arrays = [
            np.asarray(value) for value in self.got.values() if isinstance(value, np.ndarray | np.generic | float)
        ]
        if all(np.isfinite(array).all() for array in arrays if array.dtype.kind == "f"):
            return False
        with np.errstate(all="ignore"):
            zs = Textbook().propagate(self.case.weights, self.case.biases, self.case.x, self.case.activations)[1]
            largest = max(float(np.abs(z).max(initial=0.0)) for z in (*zs, self.case.x))
        return not largest < 0.98 * LARGEST_EXPONENT[self.case.dtype]

    @cached_property
    def numbers(self) -> Array | None:
        """All that was given, in a line; None where that is not finite numbers, or nothing but 0."""
        given = [*self.got.values()]
        if not all(
            isinstance(part, np.ndarray | np.generic | float) and np.asarray(part).dtype.kind == "f" for part in given
        ):
            return None
        numbers = np.concatenate([np.ravel(np.asarray(part, np.float64)) for part in given])
        return numbers if np.isfinite(numbers).all() and numbers.any() else None


def may_be_single(wrong: Sequence[Answered]) -> bool:
    """Whether errors are on both sides, and elementary functions give numbers that single precision has.

    A sigmoid with ten digits of e errs on both sides too, by about as much.
    """
    values = [np.asarray(one.got[q]) for one in wrong if one.function in OF_INPUT for q in one.failing]
    with np.errstate(all="ignore"):
        single = all(
            np.array_equal(value, value.astype("f"), equal_nan=True) for value in values if value.dtype == float
        )
    return single and are_on_both_sides(wrong)


def are_on_both_sides(wrong: Iterable[Answered]) -> bool:
    """Whether errors are as often toward 0 as away from it, more or less, as those of rounding are."""
    signs = [np.zeros(0)]
    for one in wrong:
        for q in one.failing:
            given, right = one.got[q], np.asarray(one.expected[q])
            if isinstance(given, np.ndarray | np.generic | float) and np.shape(given) == right.shape:
                signs.append(np.sign((np.asarray(given, np.float64) - right) * right).ravel())
    away = np.concatenate(signs)
    away = away[away != 0]
    return bool(away.size) and ONE_SIDED < float(np.mean(away > 0)) < 1 - ONE_SIDED
