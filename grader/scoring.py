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
    of those that the function calls; what is right then earns the part `follow_through` of its worth. Each branch earns
    its share by itself.
    """
    wrong, wrong_again = _wrong(checks), _wrong(again or ())
    scored = []
    for i, check in enumerate(checks):
        right, followed, branches = check.right - wrong[check.kind], frozenset[str](), {*check.branches}
        if again is not None:
            # Which may have been asked about more networks.
            followed = again[i].right - wrong_again[check.kind] - right
            branches |= {*again[i].branches}
        share = (len(right) + follow_through * len(followed)) / Fraction(len(branches))
        scored.append(Scored(check, share * check.worth, followed=bool(followed)))
    return scored


def once(scored: Sequence[Scored], follow_through: Fraction) -> list[Scored]:
    """What each check earns where one mistake explains all that is wrong, and has cost its points elsewhere."""
    return [
        Scored(each.check, each.earned + follow_through * lost, followed=True)
        if (lost := each.check.worth - each.earned)
        else each
        for each in scored
    ]


def _wrong(checks: Sequence[Check]) -> dict[str, frozenset[str]]:
    """By kind of quantity the branches that are wrong on ordinary networks, so that their edges do not count."""
    return {check.kind: frozenset(check.branches) - check.right for check in checks if check.name == ORDINARY}


def say_points(points: Fraction) -> str:
    """Points in at most two decimals."""
    return f"{float(points):.2f}".rstrip("0").rstrip(".")
