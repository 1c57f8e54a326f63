"""The forms of this folder, and what verification and grading call each of them."""

from __future__ import annotations

import ast
import contextlib
import itertools
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

import backproof
from backproof.grader.assignment import Assignment, read_assignment
from backproof.grader.key import DEFAULT_KEY, Key, read_key
from backproof.mistakes.catalogue import MISTAKES
from backproof.oracles.case import FUNCTION_OF_KIND
from backproof.verification.explanations import NO_MISTAKES
from tests.grader.conftest import judge_unprotected

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.with_suffix(".py") for path in FOLDER.glob("*.toml"))

# What has a name of its own in a verdict.
NAMED = [name for name, kind in MISTAKES.items() if name not in NO_MISTAKES and not kind.remembers]


@dataclass(frozen=True)
class Form:
    """A program with a mistake, or several, of the catalogue."""

    program: Path
    names: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.program.stem}: {' and '.join(self.names)}"

    @property
    def text(self) -> str:
        """The program's text. Raises ValueError where it does not have a line exactly once."""
        text = self.program.read_text()
        for right, wrong in self.lines:
            if text.count(right) != 1:
                raise ValueError(f"{self}: {text.count(right)} times in the program: {right}")
            text = text.replace(right, wrong)
        return text

    def with_another(self, other: Form) -> Form:
        """Both mistakes at once, of one program."""
        return Form(self.program, (*self.names, *other.names), (*self.lines, *other.lines))


def pairs_of(forms: Iterable[Form]) -> Iterator[Form]:
    """Any two mistakes of a program whose lines do not touch."""
    for first, second in itertools.combinations(forms, 2):
        if first.program == second.program:
            both = first.with_another(second)
            with contextlib.suppress(ValueError):
                ast.parse(both.text)
                yield both


def forms_of(program: Path) -> list[Form]:
    """All that a program has, in the catalogue's order."""
    content = tomllib.loads(program.with_suffix(".toml").read_text())
    forms = [Form(program, (name,), tuple(lines.items())) for name, lines in content.items()]
    return sorted(forms, key=lambda form: list(MISTAKES).index(form.names[0]))


@dataclass(frozen=True)
class Called:
    """What a form is called: its verdict, or that it loses points.

    found: for each explanation, its names. complete: whether each function that is wrong has one.
    """

    verdict: str
    found: tuple[frozenset[str], ...]
    complete: bool = False

    def result_for(self, form: Form) -> str:
        """Whether each of the form's mistakes is named, and nothing else is; of several some may hide the others."""
        if self.verdict not in ("disagree", "loses points"):
            return "not wrong"
        if any(not names & set(form.names) for names in self.found):
            return "another name"
        named = [any(name in names for names in self.found) for name in form.names]
        return "right" if all(named) or (any(named) and self.complete) else "without a name"


def verified(form: Form, folder: Path, networks: int = 100) -> Called:
    """What `backproof verify` calls it."""
    path = folder / "mine.py"
    path.write_text(form.text)
    report = backproof.verify(
        str(path), out=folder / "out", networks=networks, oracles=("complex-step",), dtypes=("float64",)
    )
    explained = {function for each in report.mistakes for function in each.functions}
    wrong = {FUNCTION_OF_KIND[outcome.quantity] for outcome in report.quantities if outcome.failures}
    found = _distinct({*each.names, *each.others} for each in report.mistakes)
    return Called(report.verdict, found, wrong <= explained)


def standard() -> tuple[Key, Assignment]:
    """The default assignment and its key; no smallest counterexample is looked for."""
    assignment = read_assignment(None)
    return read_key(DEFAULT_KEY, assignment), msgspec.structs.replace(assignment, feedback="hints")


def graded(form: Form, key: Key, assignment: Assignment) -> Called:
    """What grading calls it, function by function; those that are only not there, or too slow, are left out."""
    grades = judge_unprotected(assignment, key, form.text).values()
    lost = [grade for grade in grades if grade.points < grade.max_points]
    found = _distinct(set(grade.diagnosis) for grade in lost if grade.diagnosis)
    return Called("loses points" if lost else "full marks", found, all(grade.diagnosis for grade in lost))


def _distinct(names: Iterable[set[str]]) -> tuple[frozenset[str], ...]:
    return tuple(dict.fromkeys(frozenset(each) for each in names))
