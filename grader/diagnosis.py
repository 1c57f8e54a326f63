"""Diagnosis: which known mistake gives the very answers that a submission gave.

A mistake is named only where it gives the same answers on every network on which the submission is wrong, and is right
wherever that is. Several that do so are told as a tie. Where no single one does, what `verify` looks for is tried: what
is no mistake but another convention, such as a clip in a logarithm, with its number; a mistake in one branch alone; two
at once. And where ordinary networks are wrong and nothing explains all answers, those on ordinary ones are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from backproof.grader.calls import Call, Trouble, arguments_for
from backproof.grader.checks import ORDINARY, Outcome
from backproof.grader.declared import answered
from backproof.grader.judging import Given
from backproof.grader.key import Key, asked_case
from backproof.mistakes.catalogue import MISTAKES, ON_INTEGERS, name_of, variants
from backproof.mistakes.differences import DIFFERENCES, Difference
from backproof.mistakes.ignored import IGNORED
from backproof.mistakes.textbook import Textbook, said
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Answer
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import Array
from backproof.verification.answered import Answered, are_on_both_sides
from backproof.verification.explanation import Part, is_harmless, say_elsewhere
from backproof.verification.explanations import Search
from backproof.verification.implementation import as_implementation, distribute

Kind = Literal["", "one", "together", "one of", "difference"]

CATALOGUE = MISTAKES | ON_INTEGERS

# These give answers of a kind, and not particular ones: they are recognised by other means.
FACTOR, SINGLE = "ProportionalFactor", "Float32InTheMiddle"

# How far two ways to make the same mistake may be apart, in units of roundoff, relative to an array's largest entry:
# each rounds in its own order. No two mistakes are that close.
SAME = 1024

# What a factor may be, besides a constant: powers of n, the number of samples, and k, that of outputs.
POWERS = {
    "n": (1, 0), "1/n": (-1, 0), "k": (0, 1), "1/k": (0, -1), "n/k": (1, -1), "k/n": (-1, 1), "n k": (1, 1),
    "1/(n k)": (-1, -1), "n²": (2, 0), "1/n²": (-2, 0),
}  # fmt: skip


@dataclass(frozen=True)
class Diagnosis:
    """Names of the catalogue, how they belong together, and what there is to say about them.

    ordinary: whether they explain the answers on ordinary networks alone.
    """

    kind: Kind = ""
    names: tuple[str, ...] = ()
    explanation: tuple[str, ...] = ()
    ordinary: bool = False


@dataclass(frozen=True)
class Evidence:
    """One call of a function: what it gave, what is right, and whether that was it."""

    call: Call
    given: Given
    right: Answer
    wrong: bool


def diagnose(key: Key, function: str, outcome: Outcome) -> Diagnosis:
    """Name the mistake that explains what a function gave; nothing where none does."""
    evidence = list(_evidence(key, function, outcome))
    with np.errstate(all="ignore"):
        found = _diagnose(key, function, evidence)
        ordinary = [item for item in evidence if item.call.check == ORDINARY]
        if not found.names and len(ordinary) < len(evidence) and any(item.wrong for item in ordinary):
            found = replace(_diagnose(key, function, ordinary), ordinary=True)
    return found if found.names else Diagnosis()


def _diagnose(key: Key, function: str, evidence: list[Evidence]) -> Diagnosis:
    wrong = [item for item in evidence if item.wrong]
    if not any(_comparable(item) for item in wrong):
        return Diagnosis()
    suspects = Suspects(key, function, [item.call for item in evidence])
    evidence.sort(key=lambda item: (not item.wrong, asked_case(function, key.networks[item.call.number]).size))
    singles = [name for name in suspects.singles if suspects.explain(name, evidence)]
    if singles:
        return _named("one" if len(singles) == 1 else "one of", singles)
    if _single_precision(key, function, wrong):
        return _named("one", [SINGLE])
    if factor := _factor(key, function, evidence):
        return _named("one", [FACTOR], f"The factor is {factor}.")
    return _by_experiment(key, function, evidence)


def _by_experiment(key: Key, function: str, evidence: Sequence[Evidence]) -> Diagnosis:
    """What `verify` would find: differences, mistakes in a branch, or several of them together."""
    ones = [_answered(key, function, item) for item in evidence]
    wrong, right = [one for one in ones if one.failing], [one for one in ones if not one.failing]
    found = Search(function, wrong, lambda: right, least_telling=False).found()
    if not found:
        return Diagnosis()
    order = [*CATALOGUE, *IGNORED, *DIFFERENCES]
    parts = sorted(found[0].parts, key=lambda part: order.index(name_of(part.kind)))
    names = tuple(dict.fromkeys(name_of(part.kind) for part in parts))
    kind: Kind = "difference" if is_harmless(parts) else "one" if len(names) == 1 else "together"
    elsewhere = sum(found[0].fits(one) == "apart" for one in wrong)
    return Diagnosis(kind, names, (*map(_say_part, parts), *([say_elsewhere(elsewhere)] if elsewhere else ())))


def _answered(key: Key, function: str, item: Evidence) -> Answered:
    return answered(key, function, item.call.number, item.call.dtype, item.given, item.right, wrong=item.wrong)


def _say_part(part: Part) -> str:
    """What it is, where it matters, or what to think about."""
    made = part.made()
    if isinstance(made, Difference):
        return f"It {part.says()}. {made.matters()}"
    return f"{part.says()}{_printed(part.kind)} {part.kind.hint}"


def explain(name: str) -> str:
    """What a mistake is, what to think about, and where the notes print it so."""
    mistake = CATALOGUE[name]
    return f"{said(mistake)}{_printed(mistake)} {mistake.hint}"


def _printed(mistake: type[Textbook]) -> str:
    """Where the notes print it like that, if they do."""
    return f" The notes print it like that, in {mistake.printed}." if mistake.printed else ""


def _named(kind: Kind, names: Sequence[str], *more: str) -> Diagnosis:
    return Diagnosis(kind, tuple(names), (*map(explain, names), *more))


def _evidence(key: Key, function: str, outcome: Outcome) -> Iterator[Evidence]:
    """Every call that was made, but for those of a check that was given up."""
    for call, result in outcome.results.items():
        if not (isinstance(result, Trouble) and result.sort == "unchecked"):
            wrong = bool(outcome.records[call.dtype][call.number])
            given = outcome.given[call.dtype][call.number]
            yield Evidence(call, given, key.answer(function, call.number), wrong)


def _comparable(item: Evidence) -> bool:
    """Whether what was given can be told apart from what other mistakes give."""
    return not any(
        isinstance(value, Trouble) and value.sort not in ("raised", "changed") for value in item.given.values()
    )


class Suspects:
    """The mistakes that a function may have, asked about the same networks in the same order."""

    def __init__(self, key: Key, function: str, calls: Sequence[Call]) -> None:
        self._key, self._function, self._calls = key, function, calls
        self._variants: dict[str, list[Callable[[], Textbook]]] = {
            name: [Part(form, strength).made for form, strength in variants(mistake)]
            for name, mistake in CATALOGUE.items()
            if name not in (FACTOR, SINGLE)
        }
        self.singles = list(self._variants)
        self._sizes: dict[Call, tuple[float, float]] = {}

    def explain(self, name: str, evidence: Sequence[Evidence]) -> bool:
        """Whether the mistake gives what the submission gave, on every network."""
        return any(self._explains(variant, evidence) for variant in self._variants[name])

    def _explains(self, variant: Callable[[], Textbook], evidence: Sequence[Evidence]) -> bool:
        instance = variant()
        if instance.remembers:
            # What it answers depends on what it was asked before.
            answers = {call: self._answer(instance, call) for call in self._calls}
            return all(self._alike(item.given, answers[item.call], item) for item in evidence)
        return all(self._alike(item.given, self._answer(instance, item.call), item) for item in evidence)

    def _answer(self, instance: Textbook, call: Call) -> Given:
        """What a mistake gives for a call."""
        result = as_implementation(instance).call(self._function, arguments_for(self._key, call))
        return distribute(self._function, result, [q for q, _, _ in self._key.layouts[self._function][call.number]])

    def _alike(self, given: Given, other: Given, item: Evidence) -> bool:
        """Whether two answers are the same, but for rounding."""
        if item.call not in self._sizes:
            allowance = self._key.allowance(self._function, item.call.number, item.call.dtype)
            self._sizes[item.call] = _size(item.right.values()), _size(allowance.values())
        scale, allowed = self._sizes[item.call]
        # The same sums over larger terms round by as much more; and what is exact may not be so by mistake.
        allowed *= max(1.0, _size(other.values()) / scale) if scale else 1.0
        return all(_same(given[quantity], other[quantity], allowed, item.call.dtype) for quantity in item.right)


def _size(values: Iterable[Any]) -> float:
    """The largest finite number in some arrays, and whatever is between them."""
    arrays = [np.abs(array) for value in values if (array := _numbers(value)) is not None]
    return max((float(array.max(initial=0.0, where=np.isfinite(array))) for array in arrays), default=0.0)


def _same(value: Any, other: Any, allowed: float, dtype: str) -> bool:
    """Whether two things are the same: arrays but for rounding, anything else by its sort."""
    first, second = _numbers(value), _numbers(other)
    if first is None or second is None:
        return first is None and second is None and _sort(value) == _sort(other)
    if first.shape != second.shape:
        return False
    tolerance = SAME * float(np.finfo(dtype).eps) / 2 * _size([second]) + allowed
    close = (np.abs(first - second) <= tolerance) | (first == second) | (np.isnan(first) & np.isnan(second))
    return bool(np.all(close))


def _numbers(value: Any) -> Array | None:
    """What is an array of numbers, or one number, in float64; else None."""
    if isinstance(value, np.ndarray | np.generic | float):
        array = np.asarray(value)
        return array.astype(np.float64) if array.dtype.kind in "fiub" else None
    return None


def _sort(value: Any) -> str:
    """What kind of failure a value is."""
    if isinstance(value, Problem):
        return "raised" if " raised " in value.cause else value.cause
    return type(value).__name__


def _single_precision(key: Key, function: str, wrong: Sequence[Evidence]) -> bool:
    """Whether double precision was lost on the way: all errors are those of single precision, on either side of 0."""
    if any(item.call.dtype != "float64" for item in wrong):
        return False
    for item in wrong:
        allowed = _single_allowance(key, function, item.call.number)
        for quantity, right in item.right.items():
            got = _numbers(item.given[quantity])
            if got is None or got.shape != right.shape or not np.all(np.abs(got - right) <= allowed[quantity]):
                return False
    return are_on_both_sides(_answered(key, function, item) for item in wrong)


def _single_allowance(key: Key, function: str, number: int) -> Answer:
    """How far honest answers in single precision may be off."""
    if "float32" in key.header.dtypes:
        return key.allowance(function, number, "float32")
    case = asked_case(function, key.networks[number])
    return bounds([case], [replace(NUMPY["float32"], lenient=True)])[0].allowances[0]


def _factor(key: Key, function: str, evidence: Sequence[Evidence]) -> str:
    """The one factor by which everything is off, in words; empty where there is none."""
    found: list[tuple[float, float, int, int]] = []  # each network's factor, its relative uncertainty, n and k
    first = evidence[0].call.dtype
    for item in (item for item in evidence if item.call.dtype == first):
        case = asked_case(function, key.networks[item.call.number])
        pairs = [(_numbers(item.given[quantity]), right) for quantity, right in item.right.items()]
        given = [got for got, right in pairs if got is not None and got.shape == right.shape]
        if len(given) < len(pairs):
            return ""
        s, r = (np.concatenate([part.ravel() for part in parts]) for parts in (given, item.right.values()))
        allowance = key.allowance(function, item.call.number, item.call.dtype)
        allowed = np.concatenate([allowance[quantity].ravel() for quantity in item.right])
        if not np.isfinite(s).all():
            return ""
        if np.abs(r).max() <= SAME * allowed.max():  # too small to tell a factor from
            continue
        factor = float(s @ r / (r @ r))
        tolerance = SAME * np.finfo(item.call.dtype).eps * np.abs(factor * r).max() + max(1, abs(factor)) * allowed
        if not np.all(np.abs(s - factor * r) <= tolerance):
            return ""
        uncertainty = SAME * float(np.finfo(first).eps) + float(allowed.max() / np.abs(r).max())
        found.append((factor, uncertainty, case.n, case.widths[-1]))
    if not found:
        return ""
    if all(abs(factor - 1) <= uncertainty for factor, uncertainty, _, _ in found):
        return ""
    if any(abs(factor) <= uncertainty for factor, uncertainty, _, _ in found):  # zeros are no multiple of anything
        return ""
    for words, (n_power, k_power) in {"": (0, 0), **POWERS}.items():
        constants = [(u, factor / (float(n) ** n_power * float(k) ** k_power)) for factor, u, n, k in found]
        least, surest = min(constants)
        if all(abs(constant - surest) <= (u + least) * abs(surest) for u, constant in constants):
            constant = f"{surest:.4g}"
            return constant if not words else words if constant == "1" else f"{constant} times {words}"
    return ""
