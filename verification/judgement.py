"""One network judged in every detail: a record for each of its quantities, against each oracle.

Where an oracle disagrees, the certified values say who is wrong. And where every operation is proven to be exact, it is
seen whether the values are exact, to the bit. Whoever rounds more often than is needed may be right all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from backproof.oracles.bounds import NUMPY, Arithmetic, bounds
from backproof.oracles.case import KINDS, Answer, Case, Quantity
from backproof.oracles.comparison import Problem, Record, compare
from backproof.oracles.registry import Oracle
from backproof.oracles.stack import Stack, shape_of, stack_of
from backproof.reference_impl.contract import Array
from backproof.verification.answered import Answered
from backproof.verification.approximate import added_error
from backproof.verification.calls import Answers, answers_of
from backproof.verification.campaign import Grade, Progress, load_oracles
from backproof.verification.finer import COARSER, FINER, right_in_float64
from backproof.verification.implementation import Implementation, load_implementation, same
from backproof.verification.repeated import Later

if TYPE_CHECKING:
    from backproof.oracles.exact import Exact


@dataclass(frozen=True)
class Judgement:
    """One case, and its records against each oracle by name.

    undecided: how many of its neurons, over all samples, lie so near a kink that rounding may decide. undecidable: how
    many of them ball arithmetic could not decide either; None where it was not asked. exact: what was compared with
    the exact values, to the bit; None where nothing could be. inexact: of that, what is not exact. first: the records
    of the first answers, where others came when it was asked again.
    """

    case: Case
    records: dict[str, list[Record]]
    undecided: int
    undecidable: int | None = None
    exact: Exact | None = None
    inexact: tuple[Quantity, ...] = ()
    first: dict[str, list[Record]] | None = None

    @property
    def disagreements(self) -> list[tuple[str, Record]]:
        """The records that disagree, each with the oracle's name."""
        return [(name, r) for name, records in self.records.items() for r in records if r.verdict == "disagrees"]

    @property
    def checked(self) -> bool:
        """Whether anything was checked at all."""
        return any(record.verdict != "unchecked" for records in self.records.values() for record in records)


@dataclass(frozen=True)
class Evidence:
    """What a case is judged by.

    got: what the implementation gave, or a `Problem`, for each quantity. expected: each oracle's answer, by its name.
    own: the bound of an honest implementation; theirs: each oracle's. undecided: how many of the neurons lie too near
    a kink for the implementation's arithmetic. exact: the exact values of what must be exact, or None. later: what was
    given when it was asked again, where that is something else. finely: what is right in float64, by entries, where the
    case's dtype is too coarse for some. lenient: the bound of an honest implementation under
    that grade, where it is another one.
    """

    case: Case
    got: dict[Quantity, Any]
    expected: dict[str, Answer]
    own: Answer
    theirs: dict[str, Answer]
    undecided: int
    exact: Exact | None = None
    later: Mapping[Quantity, Later] = field(default_factory=dict)
    finely: Mapping[Quantity, Array] = field(default_factory=dict)
    lenient: Answer | None = None

    @property
    def inexact(self) -> tuple[Quantity, ...]:
        """What could be exact and is not, to the bit but for the signs of zeros."""
        values = self.exact.values.items() if self.exact else ()
        return tuple(
            q for q, value in values if not isinstance(self.got[q], Problem) and not np.array_equal(self.got[q], value)
        )

    def records(self, own: Answer) -> dict[str, list[Record]]:
        """The records against each oracle, where the implementation's bound is `own`."""
        return {name: self._compare(self.got, name, own) for name in self.expected}

    def later_records(self, oracle: str) -> dict[Quantity, Record]:
        """The records of what was wrong when it was asked again, against an oracle."""
        found = self._compare({q: later.value for q, later in self.later.items()}, oracle, self.own)
        return {
            r.quantity: replace(r, cause=self.later[r.quantity].cause(r)) for r in found if r.verdict == "disagrees"
        }

    def with_later(self, record: Record, later: Record | None) -> Record:
        """The record of the first answer, or the later one if that alone disagrees, or says why the first one does."""
        if later is None:
            return record
        if record.verdict != "disagrees":
            return later
        q = record.quantity
        return replace(record, cause=later.cause) if same(self.got[q], self.later[q].value) else record

    def _compare(self, got: Mapping[Quantity, Any], oracle: str, own: Answer) -> list[Record]:
        expected, theirs = self.expected[oracle], self.theirs[oracle]
        return compare(
            got,
            {q: expected[q] for q in got},
            {q: own[q] + theirs[q] + added_error(value) for q, value in got.items()},
            self.case.dtype,
            self.finely,
        )


def judge(
    cases: Sequence[Case],
    implementation: Implementation,
    oracles: Sequence[Oracle],
    grade: Grade = "strict",
    progress: Progress | None = None,
    *,
    attribute: bool = False,
) -> Iterator[Judgement]:
    """Judge an implementation on the cases, one after the other; the oracles answer for all of them first."""
    progress, cases = progress or Progress(), [implementation.suited(case) for case in cases]
    witnesses = []
    for oracle in oracles:
        progress.stage(f"{oracle.name} computes {len(cases)} networks")
        witnesses.append(oracle.answers(cases))
    progress.stage(f"comparing {implementation.name}")
    names = [oracle.name for oracle in oracles]
    for case, *expected in zip(cases, *witnesses, strict=True):
        stack = stack_of([case], [0], shape_of(case))
        answers = answers_of(implementation, stack, np.ravel(expected[0][Quantity("output", case.depth)]))
        (found,) = bounds([case], [tested(case.dtype, grade), *(oracle.arithmetic for oracle in oracles)], shared=True)
        own, *theirs = found.allowances
        evidence = Evidence(
            case,
            given(implementation, stack, answers, [0])[0],
            dict(zip(names, expected, strict=True)),
            own,
            {
                oracle.name: allowances(oracle, allowed, answer, own)
                for oracle, allowed, answer in zip(oracles, theirs, expected, strict=True)
            },
            found.undecided[0],
            exactly(case),
            answers.later.get(0, {}),
            lenient=leniently([case], grade)[0],
        )
        if case.dtype == COARSER and any(r.coarse for found in evidence.records(own).values() for r in found):
            right = right_in_float64(implementation, tested(FINER, grade), oracles[0], stack, [0])
            evidence = replace(evidence, finely=stack.split(right)[0])
        yield judgement(evidence, attribute=attribute)
        progress.judged()


def judge_one(
    case: Case, source: str, oracles: Sequence[str], grade: Grade = "strict", *, attribute: bool = False
) -> Judgement:
    """Judge the implementation of that name or path on one case.

    Raises ValueError for an unknown oracle, CouldNotRunError as `load_oracles` does, and CouldNotLoadError.
    """
    loaded = load_oracles(oracles, side_by_side=True)
    (judged,) = judge([case], load_implementation(source), loaded, grade, attribute=attribute)
    return judged


def given(
    implementation: Implementation, stack: Stack, answers: Answers, chosen: Sequence[int]
) -> list[dict[Quantity, Any]]:
    """What the implementation gave at first for each quantity of the chosen cases of a stack, whatever it is."""
    sound = stack.split(answers.lines, chosen)
    return [
        answers.first[s] if s in answers.first else implementation.completed(stack.cases[s], numbers)
        for s, numbers in zip(chosen, sound, strict=True)
    ]


def allowances(oracle: Oracle, allowed: Answer, answer: Answer, own: Answer) -> Answer:
    """What an oracle's answer may be off by; allowed: the bound of its arithmetic, own: the implementation's."""
    return {q: oracle.arithmetic.with_answer(bound, answer[q], own[q]) for q, bound in allowed.items()}


def tested(dtype: str, grade: Grade) -> Arithmetic:
    """The arithmetic that an honest implementation in NumPy has."""
    return replace(NUMPY[dtype], lenient=grade == "lenient")


def leniently(cases: Sequence[Case], grade: Grade) -> list[Answer | None]:
    """The lenient bounds of an implementation on cases of one dtype, or None where the grade is that one."""
    if grade == "lenient" or not cases:
        return [None] * len(cases)
    return [found.allowances[0] for found in bounds(cases, [tested(cases[0].dtype, "lenient")])]


def judgement(evidence: Evidence, *, attribute: bool) -> Judgement:
    """Judge one case by the evidence: compare, attribute what disagrees, and say what would agree leniently.

    attribute: hold what agrees against the certified values too.
    """
    judged = Judgement(
        evidence.case,
        evidence.records(evidence.own),
        evidence.undecided,
        exact=evidence.exact,
        inexact=evidence.inexact,
    )
    if attribute or judged.disagreements:
        judged = _attributed(judged, evidence, attribute=attribute)
    if judged.disagreements and evidence.lenient is not None:
        lenient = evidence.records(evidence.lenient)
        marked = {name: list(map(_mark_lenient, judged.records[name], lenient[name])) for name in lenient}
        judged = replace(judged, records=marked)
    if not evidence.later:
        return judged
    later = {name: evidence.later_records(name) for name in judged.records}
    records = {
        name: [evidence.with_later(record, later[name].get(record.quantity)) for record in found]
        for name, found in judged.records.items()
    }
    return replace(judged, records=records, first=judged.records)


def wrong_answers(at: tuple[int, int], evidence: Evidence, judged: Judgement, prediction: Array) -> Iterator[Answered]:
    """What is wrong about a network at first, function by function, for `explanations`.

    at: where it stands, for whoever asks. prediction: what the loss was asked about.
    """
    for function, kinds in KINDS.items():
        failing = [
            (name, record)
            for name, records in (judged.first or judged.records).items()
            for record in records
            if record.verdict == "disagrees" and record.quantity.kind in kinds
        ]
        if not failing:
            continue
        oracle = failing[0][0]
        theirs = evidence.theirs[oracle]
        quantities = [q for q in evidence.case.quantities if q.kind in kinds]
        yield Answered(
            at=at,
            function=function,
            case=evidence.case,
            prediction=prediction,
            got={q: evidence.got[q] for q in quantities},
            expected={q: evidence.expected[oracle][q] for q in quantities},
            own={q: evidence.own[q] + theirs[q] for q in quantities},
            lenient=evidence.lenient and {q: evidence.lenient[q] + theirs[q] for q in quantities},
            failing=frozenset(record.quantity for _, record in failing),
            leniently=all(record.leniently for _, record in failing),
        )


def _mark_lenient(strict: Record, lenient: Record) -> Record:
    return replace(strict, leniently=strict.verdict == "disagrees" and lenient.verdict == "agrees")


def exactly(case: Case) -> Exact | None:
    """What must be exact about a case; None where nothing must."""
    from backproof.oracles.exact import exact_answer  # which loads a compiler

    found = exact_answer(case)
    return found if found.values else None


def _attributed(judged: Judgement, evidence: Evidence, *, attribute: bool) -> Judgement:
    """The judgement, in which every disagreement over values says who is outside its bound of the certified value.

    attribute: look at what agrees as well, which then disagrees where one of the two is outside its own bound.
    Unchanged where what certifies is not installed: the light install has the complex-step oracle alone.
    """
    try:
        from backproof.oracles.attribution import Attribution
    except ModuleNotFoundError:
        return judged
    own = {q: bound + added_error(evidence.got[q]) for q, bound in evidence.own.items()}
    theirs = evidence.theirs
    certified = Attribution(
        evidence.case, {q: np.min([own[q], *(bound[q] for bound in theirs.values())], axis=0) for q in own}
    )

    def attributed(record: Record, oracle: str) -> Record:
        if record.index is None or not (attribute or record.verdict == "disagrees"):
            return record
        q = record.quantity
        got, expected = np.asarray(evidence.got[q]), evidence.expected[oracle][q]
        outside = certified.outside(q, got, own[q], expected, theirs[oracle][q])
        verdict = "disagrees" if outside in ("implementation", "oracle", "both") else record.verdict
        return replace(record, outside=outside, verdict=verdict)

    records = {name: [attributed(record, name) for record in records] for name, records in judged.records.items()}
    return replace(judged, records=records, undecidable=certified.enclosure.undecided)
