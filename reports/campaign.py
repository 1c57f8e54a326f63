"""A campaign: many networks drawn, computed by the implementation and the oracles, and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from oracles.bounds import NUMPY, Arithmetic, Bounds, bounds
from oracles.case import DTYPES, Answer, Case, Quantity
from oracles.comparison import Record, compare
from oracles.draw import PROFILES, draw_case
from oracles.registry import ORACLES, Oracle, load_oracle
from reports.implementation import Implementation, added_error, load_implementation
from reports.report import Report
from reports.wording import not_installed

# Networks that are computed together: enough for an oracle to work on many at a time, few enough to hold in memory.
PART = 512

Grade = Literal["strict", "lenient"]

DEFAULT_IMPLEMENTATION = "reference_impl"
DEFAULT_ORACLES = ("torch", "jax")


@dataclass(frozen=True)
class Campaign:
    """Everything that determines what is verified.

    networks: how many are drawn, with this seed and profile; each is judged in every dtype and against every oracle.
    grade: "strict" asks of elementary functions what libraries achieve, "lenient" that they are accurate absolutely.
    attribute: hold everybody against the certified values on every network, not only where they disagree.

    Raises ValueError for anything unknown, missing or negative.
    """

    networks: int = 1000
    seed: int = 0
    profile: str = "all"
    dtypes: tuple[str, ...] = DTYPES
    oracles: tuple[str, ...] = DEFAULT_ORACLES
    grade: Grade = "strict"
    attribute: bool = False

    def __post_init__(self) -> None:
        if self.networks < 1:
            raise ValueError(f"at least one network is needed; {self.networks} were asked for")
        if self.seed < 0:
            raise ValueError(f"a seed is not negative; {self.seed} was given")
        for what, chosen, known in (
            ("profile", (self.profile,), PROFILES),
            ("dtype", self.dtypes, DTYPES),
            ("oracle", self.oracles, tuple(ORACLES)),
            ("grade", (self.grade,), get_args(Grade)),
        ):
            if not chosen or len(set(chosen)) < len(chosen):
                raise ValueError(f"at least one {what} is needed, and each at most once; got {list(chosen)}")
            if unknown := [name for name in chosen if name not in known]:
                raise ValueError(f"unknown {what} {unknown[0]!r}; there are {', '.join(known)}")

    def parts(self) -> Iterator[tuple[int, list[Case]]]:
        """The cases in parts that are judged together, each with the number of its first network."""
        for start in range(0, self.networks, PART):
            numbers = range(start, min(start + PART, self.networks))
            drawn = [draw_case(self.seed, number, self.profile) for number in numbers]
            yield start, [case.cast(dtype) for case in drawn for dtype in self.dtypes]


@dataclass(frozen=True)
class Judgement:
    """One case: its records against each oracle by name, and how many of its neurons lie too near a kink."""

    case: Case
    records: dict[str, list[Record]]
    undecided: int

    @property
    def disagreements(self) -> list[tuple[str, Record]]:
        """The records that disagree, each with the oracle's name."""
        return [(name, r) for name, records in self.records.items() for r in records if r.verdict == "disagrees"]

    @property
    def checked(self) -> bool:
        """Whether anything was checked at all."""
        return any(record.verdict != "unchecked" for records in self.records.values() for record in records)


class CouldNotRunError(Exception):
    """A verification could not be carried out, or not to its end; the message says why in a sentence.

    report: what was verified until then, where there is a report of it.
    """

    report: Report | None = None


class Progress:
    """What a campaign tells about itself while it runs; this one tells nobody."""

    def stage(self, text: str) -> None:
        """What is being done now."""

    def judged(self) -> None:
        """One more network has been judged, in one dtype."""


def load_oracles(names: Sequence[str], progress: Progress | None = None) -> list[Oracle]:
    """The oracles of those names.

    Raises CouldNotRunError where one is not installed, or cannot work on this machine.
    """
    oracles = []
    for name in names:
        (progress or Progress()).stage(f"loading {name}")
        try:
            oracles.append(load_oracle(name))
        except ModuleNotFoundError as error:
            raise CouldNotRunError(f"the oracle {name} {not_installed(error)}") from error
        except RuntimeError as error:
            raise CouldNotRunError(f"the oracle {name} cannot work here: {error}") from error
    return oracles


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
    answers = []
    for oracle in oracles:
        progress.stage(f"{oracle.name} computes {len(cases)} networks")
        answers.append(oracle.answers(cases))
    progress.stage(f"comparing {implementation.name}")
    for case, *expected in zip(cases, *answers, strict=True):
        judgement = _judge(case, implementation, oracles, expected, grade, attribute=attribute)
        yield judgement
        progress.judged()


def judge_one(
    case: Case, source: str, oracles: Sequence[str], grade: Grade = "strict", *, attribute: bool = False
) -> Judgement:
    """Judge the implementation of that name or path on one case.

    Raises ValueError for an unknown oracle, CouldNotRunError as `load_oracles` does, and CouldNotLoadError.
    """
    loaded = load_oracles(oracles)
    (judgement,) = judge([case], load_implementation(source), loaded, grade, attribute=attribute)
    return judgement


def _judge(
    case: Case,
    implementation: Implementation,
    oracles: Sequence[Oracle],
    expected: Sequence[Answer],
    grade: Grade,
    *,
    attribute: bool,
) -> Judgement:
    prediction = expected[0][Quantity("output", case.depth)].astype(case.dtype)
    got = implementation.answer(case, prediction)
    records, found = _compare_all(case, got, oracles, expected, _tested(case, grade))
    judgement = Judgement(case, records, found.undecided[0])
    if attribute or judgement.disagreements:
        records = _attribute(case, got, records, expected, found, attribute=attribute)
        judgement = replace(judgement, records=records)
    if judgement.disagreements and grade == "strict":
        lenient, _ = _compare_all(case, got, oracles, expected, _tested(case, "lenient"))
        records = {name: list(map(_mark_lenient, records[name], lenient[name])) for name in records}
    return replace(judgement, records=records)


def _tested(case: Case, grade: Grade) -> Arithmetic:
    """The arithmetic that an honest implementation in NumPy has."""
    return replace(NUMPY[case.dtype], lenient=grade == "lenient")


def _compare_all(
    case: Case, got: dict[Quantity, Any], oracles: Sequence[Oracle], expected: Sequence[Answer], tested: Arithmetic
) -> tuple[dict[str, list[Record]], Bounds]:
    """The records against each oracle, and the bounds of the implementation and of each oracle."""
    (found,) = bounds([case], [tested, *(oracle.arithmetic for oracle in oracles)])
    own, *others = found.allowances
    records = {
        oracle.name: compare(
            got, answer, {q: own[q] + theirs[q] + added_error(got[q]) for q in case.quantities}, case.dtype
        )
        for oracle, answer, theirs in zip(oracles, expected, others, strict=True)
    }
    return records, found


def _mark_lenient(strict: Record, lenient: Record) -> Record:
    return replace(strict, leniently=strict.verdict == "disagrees" and lenient.verdict == "agrees")


def _attribute(
    case: Case,
    got: dict[Quantity, Any],
    records: dict[str, list[Record]],
    expected: Sequence[Answer],
    found: Bounds,
    *,
    attribute: bool,
) -> dict[str, list[Record]]:
    """The records, in which every disagreement over values says who is outside its bound of the certified value.

    attribute: look at what agrees as well, which then disagrees where one of the two is outside its own bound.
    Unchanged where what certifies is not installed: the light install has the complex-step oracle alone.
    """
    try:
        from oracles.attribution import Attribution
    except ModuleNotFoundError:
        return records
    own, *others = found.allowances
    own = {q: allowed + added_error(got[q]) for q, allowed in own.items()}
    certified = Attribution(case, {q: np.min([allowed[q] for allowed in found.allowances], axis=0) for q in own})

    def attributed(record: Record, answer: Answer, theirs: Answer) -> Record:
        if record.index is None or not (attribute or record.verdict == "disagrees"):
            return record
        q = record.quantity
        outside = certified.outside(q, np.asarray(got[q]), own[q], answer[q], theirs[q])
        verdict = "disagrees" if outside in ("implementation", "oracle", "both") else record.verdict
        return replace(record, outside=outside, verdict=verdict)

    return {
        name: [attributed(record, answer, theirs) for record in records[name]]
        for name, answer, theirs in zip(records, expected, others, strict=True)
    }
