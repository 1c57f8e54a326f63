"""The witnesses: PyTorch, JAX and the certified values, on networks that a formula is tried on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Answer, Case
from backproof.oracles.certified import enclose
from backproof.oracles.comparison import compare
from backproof.oracles.registry import Oracle

CERTIFIED = "certified"


@dataclass(frozen=True)
class Known:
    """A case, and what is known of it.

    expected: what each witness says; theirs: how far from the exact values each of them may be; own: how far from these
    an honest evaluation in NumPy may be.
    """

    case: Case
    own: Answer
    expected: dict[str, Answer]
    theirs: dict[str, Answer]

    def allowed(self, witness: str) -> Answer:
        """How far what is tried may be from what the witness says."""
        return {quantity: own + self.theirs[witness][quantity] for quantity, own in self.own.items()}


@dataclass(frozen=True)
class Outcome:
    """How a formula fares on a case.

    agrees: with every witness, in every entry. defined: whether the formula gives numbers. ratios: for each witness the
    largest error / allowed, infinite where an error is not a number.
    """

    case: Case
    agrees: bool
    defined: bool
    ratios: dict[str, float]


def hear(cases: Sequence[Case], oracles: Sequence[Oracle]) -> list[Known]:
    """What the oracles and the certified values say of the cases; with no oracle, the certified values alone.

    The certified value counts as its nearest float64; what is left of it, and the radius of its ball, is allowed.
    """
    answers = [oracle.answers(cases) for oracle in oracles]
    arithmetics = [NUMPY["float64"], *(oracle.arithmetic for oracle in oracles)]
    known = []
    for case, found, *expected in zip(cases, bounds(cases, arithmetics), *answers, strict=True):
        own, *theirs = found.allowances
        truth = enclose(case, own)
        names = [*(oracle.name for oracle in oracles), CERTIFIED]
        expected.append(truth.high)
        theirs.append({q: np.abs(truth.low[q]) + truth.radius[q] for q in own})
        known.append(Known(case, own, dict(zip(names, expected, strict=True)), dict(zip(names, theirs, strict=True))))
    return known


def try_on(known: Sequence[Known], answer: Callable[[Case], Answer]) -> list[Outcome]:
    """Hold what a formula answers for each case, some of its quantities, against what is known of them.

    A case of which nothing can be said, because rounding could change all of a quantity without limit, is left out.
    """
    outcomes = [_try(one, answer) for one in known]
    return [outcome for outcome in outcomes if outcome is not None]


def _try(known: Known, answer: Callable[[Case], Answer]) -> Outcome | None:
    with np.errstate(all="ignore"):
        got = answer(known.case)
    records = {
        name: compare(got, {q: expected[q] for q in got}, known.allowed(name), known.case.dtype)
        for name, expected in known.expected.items()
    }
    verdicts = {record.verdict for found in records.values() for record in found}
    if "unchecked" in verdicts:
        return None
    return Outcome(
        case=known.case,
        agrees=verdicts == {"agrees"},
        defined=all(np.isfinite(values).all() for values in got.values()),
        ratios={name: max(record.ratio for record in found) for name, found in records.items()},
    )
