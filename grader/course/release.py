"""An assignment before it is given out: whether it finds every known mistake, and accepts what is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from backproof.grader.assignment import EDGES, PUBLIC_SEED, Assignment, read_assignment
from backproof.grader.calls import arguments_for
from backproof.grader.checks import ORDINARY, calls_of, checks_of, judge_calls
from backproof.grader.key import Key, asked_case, find_key, read_key
from backproof.grader.networks import draw_networks, random_stream
from backproof.grader.scoring import say_points, score
from backproof.mistakes.accepted import ACCEPTED
from backproof.mistakes.catalogue import MISTAKES, ON_INTEGERS
from backproof.mistakes.textbook import Textbook
from backproof.oracles.comparison import Problem
from backproof.verification.campaign import Progress
from backproof.verification.implementation import Implementation, arguments_of, as_implementation
from backproof.verification.wording import conjoin

# What the same answer, computed in another way, differs by at most, and far less than any mistake does.
SAME = 1e-9

# Networks on which a mistake shows where an assignment's own do not show it.
LOOKED_AT = 240


@dataclass(frozen=True)
class Tried:
    """What became of a mistake, or of a right program. lost: points, by function. where: what would have shown it."""

    name: str
    lost: dict[str, Fraction]
    where: tuple[str, ...] = ()

    @property
    def points(self) -> Fraction:
        """All points that it loses."""
        return sum(self.lost.values(), start=Fraction(0))

    @property
    def cost(self) -> str:
        """These points, and in which functions."""
        return f"{say_points(self.points)} ({conjoin(list(self.lost))})" if self.lost else "none"


@dataclass(frozen=True)
class Release:
    """What an assignment does. wrong_key: why the key is not for grading it.

    warnings: what else an instructor should know. found, missed, foreign: mistakes that lose points, that pass, and
    that nothing asked here could show. refused: right programs that lose points.
    """

    assignment: Assignment
    wrong_key: tuple[str, ...]
    warnings: tuple[str, ...]
    found: tuple[Tried, ...]
    missed: tuple[Tried, ...]
    foreign: tuple[str, ...]
    refused: tuple[Tried, ...]

    @property
    def ready(self) -> bool:
        """Whether it can be given out."""
        return not (self.wrong_key or self.missed or self.refused)


def check_assignment(place: Path, key: Path | None = None, progress: Progress | None = None) -> Release:
    """Try an assignment, of a file or in a folder, with its key: all mistakes of the catalogue, and right programs.

    Raises CouldNotGradeError where it is no assignment, or the key is none of it.
    """
    progress = progress or Progress()
    path = place / "assignment.toml" if place.is_dir() else place
    assignment = read_assignment(path)
    answers = read_key(find_key(key, path, ""), assignment)
    known: dict[str, Callable[[], Textbook]] = {**MISTAKES, **ON_INTEGERS}
    progress.stage("trying mistakes and right programs")
    progress.expects(len(known) + len(ACCEPTED))
    found, missed, foreign, refused = list[Tried](), list[Tried](), list[str](), list[Tried]()
    shown = _Shown(assignment)
    with np.errstate(all="ignore"):
        for name, mistake in known.items():
            tried = Tried(name, _lost(assignment, answers, as_implementation(mistake())))
            if tried.points:
                found.append(tried)
            elif where := shown.by(mistake):
                missed.append(Tried(name, {}, where))
            else:
                foreign.append(name)
            progress.judged()
        for name, right in ACCEPTED.items():
            lost = _lost(assignment, answers, as_implementation(right(), name))
            refused += [Tried(name, lost)] * bool(lost)
            progress.judged()
    wrong_key, warnings = _about_key(assignment, answers)
    return Release(assignment, wrong_key, warnings, tuple(found), tuple(missed), tuple(foreign), tuple(refused))


def _lost(assignment: Assignment, key: Key, implementation: Implementation) -> dict[str, Fraction]:
    """The points that a program loses, by function, each by itself."""
    lost = {}
    for function in assignment.functions:
        results = {
            call: implementation.call(function, arguments_for(key, call))
            for call in calls_of(assignment, key, function)
        }
        checks = checks_of(assignment, function, judge_calls(assignment, key, function, results))
        earned = sum((each.earned for each in score(checks, None, Fraction(0))), start=Fraction(0))
        if earned < assignment.points_of(function):
            lost[function] = assignment.points_of(function) - earned
    return lost


class _Shown:
    """Networks of all kinds that an assignment could ask about, and what is right on them."""

    def __init__(self, assignment: Assignment) -> None:
        wider = msgspec.structs.replace(
            assignment, edges=EDGES, stability="required", networks=max(LOOKED_AT, assignment.networks), draws=1
        )
        self._functions = assignment.functions
        self._networks = draw_networks(wider, random_stream(wider)).networks
        right = as_implementation(Textbook())
        # What the loss is asked about, which is the same for every mistake.
        judged = [asked_case("loss", network) for network in self._networks]
        self._predictions = [right.call("forward", list(arguments_of("forward", case, case.y)))[-1] for case in judged]
        self._right = {(f, i): self._answer(right, f, i) for f in self._functions for i in range(len(self._networks))}

    def by(self, mistake: Callable[[], Textbook]) -> tuple[str, ...]:
        """On what kinds of networks a mistake shows; nothing where it shows on none."""
        wrong = as_implementation(mistake())
        kinds = dict.fromkeys(
            network.edge or ORDINARY
            for function in self._functions
            for i, network in enumerate(self._networks)
            if not _same(self._answer(wrong, function, i), self._right[function, i])
        )
        return tuple(kinds)

    def _answer(self, implementation: Implementation, function: str, number: int) -> Any:
        case = asked_case(function, self._networks[number])
        return implementation.call(function, list(arguments_of(function, case, self._predictions[number])))


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Problem) or isinstance(second, Problem):
        return isinstance(first, Problem) and isinstance(second, Problem)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(_same, first, second))
    return np.shape(first) == np.shape(second) and np.allclose(first, second, rtol=SAME, atol=SAME, equal_nan=True)


def _about_key(assignment: Assignment, key: Key) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Why a key is none to grade with, and what else there is to know of it."""
    wrong, warnings = [], []
    header = key.header
    if header.purpose == "practice":
        wrong.append("the key is one to practise with, whose networks everybody knows: make one with backproof key")
    if header.student is not None:
        warnings.append(f"the key is for {header.student} alone")
    if header.purpose == "grading" and not _is_drawn_from(assignment, key):
        wrong.append(
            "the key was made with another seed than the assignment has: make it anew with backproof key, so that what "
            "was graded can be graded again"
        )
    if assignment.seed == PUBLIC_SEED:
        warnings.append('the seed is "public": whoever has Backproof knows the networks; choose one that nobody knows')
    return tuple(wrong), tuple(warnings)


def _is_drawn_from(assignment: Assignment, key: Key) -> bool:
    """Whether the networks of a key are those of an assignment's seed."""
    drawn = draw_networks(assignment, random_stream(assignment, key.header.student)).networks
    return all(ours.case.to_json() == theirs.case.to_json() for ours, theirs in zip(drawn, key.networks, strict=False))
