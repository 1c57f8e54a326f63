"""Points: exact fractions, from the checks of a function and, where it was judged again, from those as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from backproof.grader.checks import ORDINARY, Check


@dataclass(frozen=True)
class Scored:
    """A check with the points that it earned. followed: whether they are for what is right but for another function."""

    check: Check
    earned: Fraction
    followed: bool


def score(checks: Sequence[Check], again: Sequence[Check] | None, follow_through: Fraction) -> list[Scored]:
    """What each check earns.

    checks: as the submission is. again: the same ones, where they were judged again with right functions in the place
    of those that the function calls; what is right then earns the part `follow_through` of its worth.
    """
    counts, counts_again = _counting_kinds(checks), _counting_kinds(again or ())
    scored = []
    for i, check in enumerate(checks):
        if check.status == "passed" and check.kind in counts:
            scored.append(Scored(check, check.worth, followed=False))
        elif again is not None and again[i].status == "passed" and check.kind in counts_again:
            scored.append(Scored(check, follow_through * check.worth, followed=True))
        else:
            scored.append(Scored(check, Fraction(0), followed=False))
    return scored


def once(scored: Sequence[Scored], follow_through: Fraction) -> list[Scored]:
    """What each check earns where one mistake explains all that is wrong, and has cost its points elsewhere."""
    return [
        each if each.earned else Scored(each.check, follow_through * each.check.worth, followed=True) for each in scored
    ]


def _counting_kinds(checks: Sequence[Check]) -> set[str]:
    """The kinds of quantities that are right on ordinary networks, so that their edges count."""
    return {check.kind for check in checks if check.name == ORDINARY and check.status == "passed"}


def say_points(points: Fraction) -> str:
    """Points in at most two decimals."""
    return f"{float(points):.2f}".rstrip("0").rstrip(".")
