"""N9: proportions, sums, signs, ranges, invariances and poles of the softmax as it is printed and as it is meant.

All inputs are small integers, which no sum and no shift rounds. An output y_i of either function is then off by no more
than (k + 4) u |y_i| sum_j |y_j|: exponentials are accurate to 2u, k - 1 additions and a division round once each, and
what the sum is off by counts sum |x_j| / |sum x_j| = sum |y_j| times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.strategies import rows, smallest
from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import STATEMENTS, Formula
from backproof.reference_impl.contract import Array
from backproof.studies.claims.claim import Check, Claim, Counterexample, Evidence, Measurement, Verdict
from backproof.studies.claims.counterexamples import factor, number, numbers
from backproof.studies.claims.equations import Bench, check_of, corrected
from backproof.studies.claims.networks import at
from backproof.studies.claims.witnesses import CERTIFIED, hear, try_on

VECTORS = 300
ROUNDOFF = 2.0**-53

# A property of a softmax at x, given its outputs y there.
Property = Callable[[Formula, Array, Array], bool]


def _rounding(y: Array) -> Array:
    """What each of the outputs y (1, k) may be off by."""
    return (y.shape[1] + 4) * ROUNDOFF * np.abs(y) * np.abs(y).sum()


def _proportional_to(weights: Array, y: Array) -> bool:
    """y_i w_j = y_j w_i for all i and j; the weights are accurate to 2u, and the products round."""
    products = y.T @ weights
    allowed = _rounding(y).T @ np.abs(weights) + 3 * ROUNDOFF * np.abs(products)
    return bool(np.all(np.abs(products - products.T) <= allowed + allowed.T))


def _proportional(_: Formula, x: Array, y: Array) -> bool:
    return _proportional_to(x, y)


def _exponential(_: Formula, x: Array, y: Array) -> bool:
    return _proportional_to(np.exp(x), y)


def _sums_to_one(_: Formula, __: Array, y: Array) -> bool:
    allowed = _rounding(y).sum() + y.shape[1] * ROUNDOFF * np.abs(y).sum()
    return bool(np.abs(y.sum() - 1) <= allowed)


def _not_negative(_: Formula, __: Array, y: Array) -> bool:
    return bool(np.all(y >= 0))


def _between_zero_and_one(_: Formula, __: Array, y: Array) -> bool:
    return bool(np.all((y >= 0) & (y <= 1)))


def _finite(_: Formula, __: Array, y: Array) -> bool:
    return bool(np.isfinite(y).all())


def _unchanged(y: Array, other: Array) -> bool:
    return bool(np.all(np.abs(y - other) <= _rounding(y) + _rounding(other)))


def _invariant_to_shifts(softmax: Formula, x: Array, y: Array) -> bool:
    return _unchanged(y, softmax(x + 3))


def _invariant_to_scaling(softmax: Formula, x: Array, y: Array) -> bool:
    return _unchanged(y, softmax(3 * x))


PROPORTIONAL: dict[str, Property] = {"the outputs are proportional to the inputs": _proportional}
EXPONENTIAL: dict[str, Property] = {"the outputs are proportional to the inputs' exponentials": _exponential}
PROBABILITIES: dict[str, Property] = {
    "the outputs sum to 1": _sums_to_one,
    "the outputs lie between 0 and 1": _between_zero_and_one,
}
OTHERS: dict[str, Property] = {
    "no output is negative": _not_negative,
    "the outputs are finite": _finite,
    "adding 3 to every input changes nothing": _invariant_to_shifts,
    "multiplying every input by 3 changes nothing": _invariant_to_scaling,
}

CONDITIONS: dict[str, Callable[[Array], bool]] = {
    "no input is 0": lambda x: bool((x != 0).all()),
    "the inputs do not sum to 0": lambda x: x.sum() != 0,
    "the inputs are all positive": lambda x: bool((x > 0).all()),
    "the inputs are all equal": lambda x: bool((x == x[0, 0]).all()),
    "no two inputs have opposite signs, and not all are 0": lambda x: (
        bool(x.any()) and bool((x >= 0).all() or (x <= 0).all())
    ),
}

# The notes' own inputs, a table's length and width.
EXAMPLE = np.array([[2.0, 3.0]])

SCOPE = "vectors of 1 to 6 integers from -4 to 4"


def vectors(seed: int) -> list[Array]:
    """Rows (1, k) of small integers, half of them of numbers that are not negative."""
    rng = np.random.default_rng([6, seed])
    return [rng.integers(0 if i % 2 else -4, 5, (1, rng.integers(1, 7))).astype(float) for i in range(VECTORS)]


def has(softmax: Formula, x: Array, *properties: dict[str, Property]) -> bool:
    """Whether a softmax has all of the properties at x."""
    with np.errstate(all="ignore"):
        y = softmax(x)
        return all(holds(softmax, x, y) for some in properties for holds in some.values())


def try_softmax(bench: Bench) -> Claim:
    """The verdict on N9, about the softmax that N8 prints, with the standard softmax beside it."""
    softmaxes = {
        "N8 as printed": as_printed.readings()["N8"]["as printed"],
        "the standard softmax": as_printed.corrections()["N8"][1],
    }
    drawn = vectors(bench.seed)
    printed, standard = softmaxes.values()
    holds = [has(printed, x, PROPORTIONAL, PROBABILITIES) for x in drawn]
    verdict, condition = _find(drawn, holds)
    every = PROPORTIONAL | EXPONENTIAL | PROBABILITIES | OTHERS
    checks = [
        check
        for name, softmax in softmaxes.items()
        for check in (*_properties(name, softmax, drawn, every), _poles(name, softmax), _sigmoid(name, softmax, bench))
    ]
    return Claim(
        id="N9",
        statement=STATEMENTS["N9"],
        reading="the softmax is N8 as printed; what can be read as P(y_i given x) lies between 0 and 1 and sums to 1",
        verdict=verdict,
        evidence=Evidence(
            summary=_summary(holds, condition),
            condition=condition,
            checks=checks,
            measurements=[one for name, softmax in softmaxes.items() for one in _range(name, softmax, drawn)],
        ),
        counterexample=None if all(holds) else _counterexample(printed),
        correction=corrected(
            "The outputs of the standard softmax are proportional to the exponentials of its inputs, sum to 1, and can "
            "be read as P(y_i given x); softmax([z, 0]) = [sigmoid(z), sigmoid(-z)]",
            [*_properties("the standard softmax", standard, drawn, EXPONENTIAL | PROBABILITIES), checks[-1]],
        ),
    )


def _find(drawn: list[Array], holds: list[bool]) -> tuple[Verdict, str]:
    """The verdict, and the condition that is met exactly where the statement holds."""
    if all(holds):
        return "holds", ""
    for words, meets in CONDITIONS.items():
        if any(holds) and [meets(x) for x in drawn] == holds and meets(EXAMPLE):
            return "holds if", words
    return "fails as printed", ""


def _properties(name: str, softmax: Formula, drawn: list[Array], properties: dict[str, Property]) -> list[Check]:
    return [
        Check(f"{name}: {words}", SCOPE, len(drawn), sum(has(softmax, x, {words: holds}) for x in drawn))
        for words, holds in properties.items()
    ]


def _poles(name: str, softmax: Formula) -> Check:
    """Whether y_1 at (1, -1 + 2^-i) is bounded, as i grows."""
    inputs = [np.array([[1.0, -1 + 2.0**-i]]) for i in range(1, 51)]
    bounded = sum(bool(np.abs(softmax(x)).max() <= 1) for x in inputs)
    return Check(f"{name}: no output is larger than 1", "vectors (1, -1 + 2^-i), i = 1..50", len(inputs), bounded)


def _sigmoid(name: str, softmax: Formula, bench: Bench) -> Check:
    """Whether softmax([z, 0]) is sigmoid(z), by every witness's sigmoid."""
    z = np.concatenate([np.arange(-30, 31), 2.0 ** np.arange(5, 10), -(2.0 ** np.arange(5, 10))])
    sigmoid, bound = Quantity("sigmoid"), Quantity("softmax")
    known = [
        replace(one, own={sigmoid: one.own[bound]})
        for one in hear([at(np.array([[value, 0.0]])) for value in z], bench.oracles)
    ]

    def answer(case: Case) -> Answer:
        return {sigmoid: np.append(softmax(case.x)[:, :1], [[0.5]], axis=1)}

    return check_of(f"{name}: softmax([z, 0]) is sigmoid(z)", "z from -512 to 512", try_on(known, answer))


def _range(name: str, softmax: Formula, drawn: list[Array]) -> list[Measurement]:
    """The smallest and the largest finite output."""
    with np.errstate(all="ignore"):
        outputs = np.concatenate([softmax(x)[0] for x in drawn])
    finite = outputs[np.isfinite(outputs)]
    return [
        Measurement("smallest output", name, at=0.0, value=float(finite.min()), samples=len(drawn)),
        Measurement("largest output", name, at=1.0, value=float(finite.max()), samples=len(drawn)),
    ]


def _summary(holds: list[bool], condition: str) -> str:
    where = f", exactly where {condition}" if condition else ""
    return f"All of it is so on {sum(holds)} of {len(holds)} {SCOPE}{where}."


def _counterexample(softmax: Formula) -> Counterexample | None:
    """The smallest vector with finite outputs on which the statement is wrong."""

    def is_wrong(drawn: tuple[Array, ...]) -> bool:
        return has(softmax, drawn[0], {"": _finite}) and not has(softmax, drawn[0], PROPORTIONAL, PROBABILITIES)

    found = smallest(rows(1, 3), is_wrong)
    if found is None:
        return None
    (x,) = found
    y, total = softmax(x), " + ".join(map(factor, x[0]))
    (known,) = hear([at(x)], [])
    shares = [f"{number(v)} / ({total}) = {number(share)}" for v, share in zip(x[0], y[0], strict=True)]
    return Counterexample(
        line=f"x = {numbers(x[0])}: N8 gives y = {', '.join(shares)}; no probability is negative or larger than 1",
        case=at(x).to_json(),
        printed=y.ravel().tolist(),
        exact=known.expected[CERTIFIED][Quantity("softmax")].ravel().tolist(),
    )
