"""What every conformance test calls: it judges one function, and fails with a message that explains itself."""

from __future__ import annotations

import functools
import shlex
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

import numpy as np
import pytest

from backproof.mistakes.differences import Difference
from backproof.oracles.case import KINDS, Case, Quantity
from backproof.oracles.comparison import Problem, Record, compare
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import Oracle, load_oracle
from backproof.verification.answered import Answered
from backproof.verification.campaign import Grade
from backproof.verification.convention import Convention
from backproof.verification.explanation import Explanation
from backproof.verification.explanations import Search
from backproof.verification.implementation import Implementation
from backproof.verification.probes import Probe, probe_all
from backproof.verification.suiting import suited

# How many networks are drawn in search of some that a test is about, and how many of these may be declined.
MOST_DRAWN, MOST_DECLINED = 2000, 400

# After so many tests of a function that no difference explains, none is looked for.
UNEXPLAINED = 3

# Networks of more numbers than this are left to `backproof verify`: what a test is about shows on smaller ones.
LARGEST = 1000

Function = Callable[..., Any]
Given = Mapping[Quantity, Any]


def any_network(case: Case) -> bool:
    """For tests that are about all networks."""
    return True


class DifferenceWarning(UserWarning):
    """A right implementation does something otherwise than the contract, which is no mistake."""


class _Differences:
    """The differences that explain what is wrong with a function's answers, as far as these have been seen.

    They are mostly those of the tests before: `known` has the last ones of each function, and `unexplained` how many
    tests of it there were that none explains. After a few of these nobody looks any more.
    """

    known: ClassVar[dict[tuple[str, str], Explanation]] = {}
    unexplained: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, source: str, function: str) -> None:
        self._function, self._of = function, (source, function)
        self._wrong, self._right = list[Answered](), list[Answered]()
        self._first: tuple[Case, list[Record]] | None = None

    def explain(self, probe: Probe, got: Given, records: list[Record]) -> bool:
        """Whether a network is right, or may be explained by differences."""
        answered = probe.answered(self._function, got, records)
        if not answered.failing:
            self._right.append(answered)
            return True
        self._wrong.append(answered)
        self._first = self._first or (probe.case, records)
        known = self.known.get(self._of)
        return (known is not None and known.explains([answered])) or self._search() is not None

    def found(self) -> list[Difference] | tuple[Case, list[Record]]:
        """Those that explain all networks, each with its number; or the first network that is wrong, and how."""
        if self._first is None:
            return []
        known = self.known.get(self._of)
        if known is None or not known.explains(self._wrong) or any(map(known.is_refuted_by, self._right)):
            known = self._search()
        if known is None:
            return self._first
        return [made for part in known.parts if isinstance(made := part.made(), Difference)]

    def _search(self) -> Explanation | None:
        if self.unexplained[self._of] == UNEXPLAINED:
            return None
        found = Search(self._function, self._wrong, lambda: self._right).harmless()
        if not found:
            self.unexplained[self._of] += 1
            return None
        self.known[self._of] = found[0]
        return found[0]


@dataclass
class Examiner:
    """Judges one function at a time, in one dtype, on networks with a property.

    missing: "skip" or "fail", for functions that there are not. strict: whether a difference that is no mistake is a
    failure, and not a warning. judged: the names of all networks judged so far.
    """

    implementation: Implementation
    dtype: str
    networks: int
    seed: int
    oracle: str
    grade: Grade
    missing: str
    strict: bool = False
    judged: set[str] = field(default_factory=set)

    def __call__(
        self,
        function: str,
        on: Callable[[Case], bool] = any_network,
        *,
        profile: str = "all",
        only: Callable[[Quantity], bool] | None = None,
    ) -> None:
        """Fail with the first network on which the function is wrong; skip where there was nothing to judge.

        What is explained by differences that are no mistakes is a warning, unless these are declared.

        on: which networks the test is about; profile: from which they are drawn. only: which of the function's
        quantities; without it, all.
        """
        judged, unchecked, differences = 0, "", _Differences(self.implementation.source, function)
        for probe, got in self.answers(function, on, profile):
            records = [r for r in probe.records(got, KINDS[function]) if only is None or only(r.quantity)]
            if all(record.verdict == "unchecked" for record in records):
                unchecked = records[0].cause
                continue
            judged += 1
            if self.strict or not differences.explain(probe, got, records):
                self._assert(function, probe.case, records)
        if not judged:
            pytest.skip(unchecked or f"{function} declines every network of this kind")
        found = differences.found()
        if isinstance(found, tuple):
            self._assert(function, *found)
            return
        declared = self.implementation.convention.differences if self.implementation.convention else ()
        for difference in found:
            if difference.declares() not in declared:
                says = f"{self.implementation.name} {difference.says()}. {difference.matters()}"
                declares = f"A CONVENTION with differences=({difference.declares()!r},) says so."
                warnings.warn(f"{says} {declares}", DifferenceWarning, stacklevel=2)

    def network(self, case: Case) -> bool:
        """Fail where any function is wrong on the one network; else, whether there was anything to check."""
        (probe,) = probe_all([self.implementation.suited(case)], _oracle(self.oracle), self.grade)
        given = probe.ask(self.implementation)
        records = probe.records(given)
        for function, kinds in KINDS.items():
            own = [record for record in records if record.quantity.kind in kinds]
            if self.strict or not _Differences(self.implementation.source, function).explain(probe, given, own):
                self._assert(function, probe.case, own)
        return any(record.verdict == "agrees" for record in records)

    def unchanged(
        self, function: str, called: Callable[[Function], Function], on: Callable[[Case], bool] = any_network
    ) -> None:
        """Fail with the first network on which the function, called in another way, gives something else.

        Both answers may be as far from the truth as rounding takes them. Where the plain call fails there is nothing to
        compare with, and other tests tell.
        """
        otherwise = Implementation("", {function: called(self.function(function))}, state=self.implementation.state)
        judged = 0
        for probe, plain in self.answers(function, on):
            own = [record for record in probe.records(plain, KINDS[function]) if not record.cause]
            expected = {record.quantity: np.asarray(plain[record.quantity], np.float64) for record in own}
            allowed = {quantity: 2 * probe.allowed[quantity] for quantity in expected}
            judged += bool(expected)
            self._assert(function, probe.case, compare(probe.ask(otherwise), expected, allowed, self.dtype))
        if not judged:
            pytest.skip(f"{function} gives nothing to compare with")

    def answers(
        self, function: str, on: Callable[[Case], bool] = any_network, profile: str = "all"
    ) -> Iterator[tuple[Probe, Given]]:
        """As many networks of that kind as every test looks at, each with what the function gives; none it declines."""
        alone = Implementation("", {function: self.function(function)}, state=self.implementation.state)
        answered = declined = 0
        for index in range(MOST_DRAWN):
            case = _drawn(self.implementation.convention, self.seed, index, profile, self.dtype)
            if case.size > LARGEST or not on(case):
                continue
            got = alone.answer(case, case.y)  # a loss that takes the network is asked again about a prediction
            if _declines(got, function):
                declined += 1
            else:
                probe = _probe(case, self.oracle, self.grade)
                self.judged.add(case.name)
                answered += 1
                yield probe, probe.ask(alone) if function == "loss" else got
            if answered == self.networks or declined == MOST_DECLINED:
                return

    def again(self, function: str, probe: Probe, case: Case, after: str) -> None:
        """Fail where the function is wrong on a case like the probe's, which is told as what it comes after."""
        (other,) = (probe,) if case is probe.case else probe_all([case], _oracle(self.oracle), self.grade)
        alone = Implementation("", {function: self.function(function)}, state=self.implementation.state)
        for record in other.records(other.ask(alone), KINDS[function]):
            if record.verdict == "disagrees":
                self.fail(probe.case, f"{after}: {_say(record)} [{_call(function, case, record)}]")

    def function(self, name: str) -> Function:
        """The function of that name; where there is none the test is over."""
        if name not in self.implementation.functions:
            message = f"{self.implementation.name} has no function {name}"
            if self.missing == "fail":
                pytest.fail(message, pytrace=False)
            pytest.skip(message)
        return self.implementation.functions[name]

    def fail(self, case: Case, message: str) -> NoReturn:
        """Fail with the message, what the network is, and the command that shows it."""
        words = ["backproof", "replay", case.reference(), "--dtype", case.dtype]
        words += ["--implementation", self.implementation.source, "--oracle", self.oracle]
        words += ["--grade", self.grade] if self.grade != "strict" else []
        network = f"{case.architecture}, {case.n} sample{'s' * (case.n > 1)}, {case.loss}, {case.dtype}"
        pytest.fail(f"{message}\n{network}\n{shlex.join(words)}", pytrace=False)

    def _assert(self, function: str, case: Case, records: list[Record]) -> None:
        """Fail with the first of the records that disagrees: what was got, what it should be, and the call."""
        for record in records:
            if record.verdict == "disagrees":
                self.fail(case, f"{_say(record)} [{_call(function, case, record)}]{_say_allowed(record)}")


def _declines(got: Given, function: str) -> bool:
    """Whether there is no answer to judge, and no mistake either."""
    values = [value for quantity, value in got.items() if quantity.kind in KINDS[function]]
    return all(isinstance(value, Problem) and not value.fails for value in values)


def _say(record: Record) -> str:
    """What was got and what it should be."""
    if record.index is None:
        return f"{record.quantity}: {record.cause}"
    place = str(list(record.index)) if record.index else ""
    return f"{record.quantity}{place}={record.got!r}, but should be {record.expected!r}"


def _say_allowed(record: Record) -> str:
    """How far it may be from that, and how much of it is farther."""
    if record.index is None:
        return ""
    within = f"within {record.allowed:.3g}" if record.allowed else "exactly, as no operation rounds here"
    ratio = f": error / allowed is {record.ratio:.3g}" if np.isfinite(record.ratio) else ""
    return f"\n{within}{ratio}" + (f"; {record.failures} of {record.entries} are off" if record.entries > 1 else "")


def _call(function: str, case: Case, record: Record) -> str:
    """The call, as much of it as can be read."""
    activations = list(case.activations)
    if function == "forward":
        return f"forward(weights, biases, x, {activations})"
    if function == "backward":
        return f"backward(weights, biases, x, y, {activations}, {case.loss!r})"
    if function == "loss":
        return f"loss(prediction, y, {case.loss!r})"
    if function == "gradient_descent_step":
        return f"gradient_descent_step(weights, biases, grad_weights, grad_biases, {case.learning_rate!r})"
    if function == "softmax" or record.index is None:
        return f"{function}(z), z of shape {case.x.shape}"
    return f"{function}({float(case.x[record.index])!r})"


@functools.cache
def _drawn(convention: Convention | None, seed: int, index: int, profile: str, dtype: str) -> Case:
    case = draw_case(seed, index, profile).cast(dtype)
    return case if convention is None else suited(case, convention)


@functools.cache
def _probe(case: Case, oracle: str, grade: Grade) -> Probe:
    return probe_all([case], _oracle(oracle), grade)[0]


@functools.cache
def _oracle(name: str) -> Oracle:
    return load_oracle(name)
