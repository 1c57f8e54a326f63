"""Feedback: a grade in the terminal, in Markdown and as a page, with as much as the assignment lets a student know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backproof.grader.grade import CheckGrade, Counterexample, FunctionGrade, Grade
from backproof.grader.scoring import say_points
from backproof.reports.pages import template
from backproof.reports.tables import table

COLOURS = {"passed": "green", "failed": "red", "missing": "red", "not checked": "yellow"}


def render(grade: Grade, name: str) -> str:
    """A grade as "feedback.md" or "feedback.html"."""
    told = grade.feedback != "none"
    page = template("backproof.grader", f"{name}.j2", **FILTERS)
    return page.render(grade=grade, told=told, examples=grade.feedback == "counterexamples")


def points(value: float) -> str:
    """Points in at most two decimals."""
    return say_points(Fraction(value))


def verdict(function: FunctionGrade) -> str:
    """A function's status, and whether points were given all the same."""
    return f"{function.status}, with follow-through marks" if function.follow_through else function.status


def wrong_on(check: CheckGrade) -> str:
    """On how many networks a check was not passed; and why a passed one may have no points."""
    if check.status == "passed":
        return "none" if check.points or not check.max_points else "none, but ordinary networks come first"
    return f"{check.wrong}, right but for other functions" if check.follow_through else str(check.wrong)


def diagnosis_line(function: FunctionGrade) -> str:
    """What the named mistakes are to each other; empty where none is named."""
    names = ", ".join(function.diagnosis)
    answer = "every answer on ordinary networks" if function.diagnosis_ordinary else "every answer"
    return {
        "": "",
        "one": f"This mistake explains {answer}: {names}.",
        "together": f"These mistakes together explain {answer}: {names}.",
        "one of": f"Each of these mistakes explains {answer}, and they cannot be told apart: {names}.",
        "difference": f"It is no mistake in the formula, but not what was asked for; it explains {answer}: {names}.",
    }[function.diagnosis_kind]


def counterexample_title(found: Counterexample) -> str:
    """What kind of network it is."""
    which = (
        "The smallest network found on which it goes wrong" if found.smallest else "A network on which it goes wrong"
    )
    return f"{which}, in {found.dtype}:"


def counterexample_lines(found: Counterexample) -> list[str]:
    """The inputs, the answer and the right one, a line each."""
    lines = []
    if found.before:
        lines = ["a first call with", *_assignments(found.before, "    "), "and then one with"]
    lines += _assignments(found.inputs, "    " if found.before else "")
    return [*lines, "", f"{found.quantity}:", f"    yours: {found.got}", f"    right: {found.expected}"]


def _assignments(inputs: dict[str, str], indent: str) -> list[str]:
    width = max(map(len, inputs))
    return [f"{indent}{name:{width}} = {value}" for name, value in inputs.items()]


def _escape_markdown(text: str) -> str:
    """Text in which nothing is markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", text)


def terminal_view(grade: Grade) -> Group:
    """The points, then each function that lost some; the score last, where the eye is."""
    parts: list[RenderableType] = [_points_table(grade)]
    if grade.feedback != "none":
        for name, function in grade.functions.items():
            if function.status != "passed":
                parts += _function(name, function, examples=grade.feedback == "counterexamples")
        if grade.output:
            parts += ["", Text("It printed:", style="bold"), Padding(Text(grade.output), (0, 0, 0, 2))]
    parts += ["", *(Text(remark, style="yellow") for remark in grade.remarks)] if grade.remarks else []
    full = grade.score == grade.max_score
    score = f"{grade.submission}: {points(grade.score)} of {points(grade.max_score)} points"
    parts += ["", Text(f"Sandbox: {grade.sandbox_description}.", style="dim")]
    return Group(*parts, Text(score, style="bold green" if full else "bold"))


def _points_table(grade: Grade) -> Table:
    made = table(("function",), ("points",), ("verdict",))
    for name, function in grade.functions.items():
        earned = f"{points(function.points)} / {points(function.max_points)}"
        made.add_row(name, earned, Text(verdict(function), style=COLOURS[function.status]))
    return made


def _function(name: str, function: FunctionGrade, *, examples: bool) -> Iterator[RenderableType]:
    """What there is to say about a function that is not right."""
    yield ""
    yield Text(f"{name}: {points(function.points)} of {points(function.max_points)} points", style="bold red")
    told = [Text(function.cause)]
    if line := diagnosis_line(function):
        told.append(Text(line, style="bold yellow"))
    told += [Text(text) for text in (*function.explanation, *[function.text] * bool(function.text))]
    if examples and function.counterexample is not None:
        found = function.counterexample
        told.append(Text(f"\n{counterexample_title(found)}", style="bold"))
        told += [Text(f"  {line}") for line in counterexample_lines(found)]
        told.append(Text("The right answer, step by step:", style="bold"))
        told += [Text(f"  {step}") for step in found.steps]
    yield Padding(Group(*told), (0, 0, 0, 2))


FILTERS: dict[str, Callable[..., Any]] = {
    "points": points,
    "verdict": verdict,
    "wrong_on": wrong_on,
    "diagnosis_line": diagnosis_line,
    "counterexample_title": counterexample_title,
    "counterexample_lines": counterexample_lines,
    "md": _escape_markdown,
}
