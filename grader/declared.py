"""What an assignment declares to be no mistake, such as an epsilon in a logarithm: who does just that is right."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from backproof.grader.assignment import DECLARED, Assignment
from backproof.grader.judging import Given
from backproof.grader.key import Key, asked_case
from backproof.oracles.case import Answer
from backproof.oracles.comparison import Record
from backproof.verification.answered import Answered
from backproof.verification.explanation import Explanation, Part


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
    return any(each.fits(one) == "yes" for each in _explanations(assignment.differences, one.function))


@functools.cache
def _explanations(differences: tuple[str, ...], function: str) -> list[Explanation]:
    """All ways to do what is declared: one by one, and several together."""
    parts = [
        [Part(kind, strength) for kind, strength in DECLARED[name] if function in kind.functions]
        for name in differences
    ]
    found = []
    for count in range(1, len(parts) + 1):
        for chosen in itertools.combinations(filter(None, parts), count):
            for first, *others in itertools.product(*chosen):
                together: Explanation | None = Explanation((first,))
                for other in others:
                    together = together and together.with_part(other)
                found += [together] if together else []
    return found
