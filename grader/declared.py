"""What an assignment declares to be no mistake, such as an epsilon in a logarithm: who does just that is right."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from backproof.grader.assignment import DECLARED, Assignment
from backproof.grader.judging import Given
from backproof.grader.key import Key, asked_case
from backproof.mistakes.differences import AbsoluteAccuracy, MoreRoundings, Overflow, SinglePrecision
from backproof.oracles.case import Answer
from backproof.oracles.comparison import Record
from backproof.verification.answered import Answered
from backproof.verification.explanation import Explanation, Part

# These say how exact answers are, and not which.
ABOUT_ACCURACY = (AbsoluteAccuracy, MoreRoundings, Overflow, SinglePrecision)

# What is known of a difference's answer to no more than so many times by how much it differs says nothing.
MOST_UNSURE = 8


def answered(key: Key, function: str, number: int, dtype: str, given: Given, right: Answer, *, wrong: bool) -> Answered:
    """What a function gave for a network of the key, as `verify` has it."""
    return Answered(
        function=function,
        case=asked_case(function, key.networks[number]).cast(dtype),
        prediction=key.predictions[number].astype(dtype),
        got=given,
        expected=right,
        own=key.allowance(function, number, dtype),
        failing=frozenset(right) if wrong else frozenset(),
    )


def forgive(
    assignment: Assignment, key: Key, function: str, dtype: str, given: Sequence[Given], records: list[list[Record]]
) -> None:
    """Take away the records of those networks on which a function does just what the assignment declares.

    Of each kind of quantity by itself: whose biases are wrong besides keeps the points of the weights.
    """
    if not _explanations(assignment.differences, function):
        return
    for number, found in enumerate(records):
        if found:
            right = key.answer(function, number)
            one = answered(key, function, number, dtype, given[number], right, wrong=True)
            kinds = {record.quantity.kind for record in found}
            declared = {kind for kind in kinds if is_declared(assignment, one.of_kind(kind))}
            records[number] = [record for record in found if record.quantity.kind not in declared]


def is_declared(assignment: Assignment, one: Answered) -> bool:
    """Whether the answers are within the bounds of what the assignment declares."""
    return any(_is_just_that(each, one) for each in _explanations(assignment.differences, one.function))


def _is_just_that(difference: Explanation, one: Answered) -> bool:
    """Whether the answers are a difference's, where it moves them; and elsewhere right."""
    if difference.fits(one) != "yes":
        return False
    if any(part.kind in ABOUT_ACCURACY for part in difference.parts):
        return True
    answers = difference.answers(one) or {}
    with np.errstate(all="ignore"):
        for quantity, (value, error) in answers.items():
            right, own = one.expected[quantity], one.own[quantity]
            is_right = np.abs(np.asarray(one.got[quantity], float) - right) <= own
            if not (is_right | (error <= own + MOST_UNSURE * np.abs(value - right))).all():
                return False
    return True


@functools.cache
def _explanations(differences: tuple[str, ...], function: str) -> list[Explanation]:
    """All ways to do what is declared: one by one, and several together."""
    parts = [
        [Part(kind, strength) for kind, strength in DECLARED[name] if function in kind.functions]
        for name in differences
    ]
    found: list[Explanation] = []
    for group in parts:
        further = [one for each in found for part in group if (one := each.with_part(part))]
        found += [Explanation((part,)) for part in group] + further
    return found
