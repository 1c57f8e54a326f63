"""Mistakes as students make them: each loses the points that it should, no others, and is called by its name."""

import pytest

from mistakes.catalogue import MISTAKES, ON_INTEGERS
from oracles.case import KINDS
from tests.grader.students import EVERYTHING, MISTAKEN, RIGHT


def lost(grade):
    """The checks that a function lost points for."""
    return {check.name for check in grade.checks if check.points < check.max_points}


@pytest.mark.parametrize("mistaken", MISTAKEN, ids=lambda mistaken: f"{mistaken.name} in {'+'.join(mistaken.lost)}")
def test_mistake(mistaken, judge_text):
    grades = judge_text(mistaken.source)
    wrong = {function: grade for function, grade in grades.items() if grade.points < grade.max_points}
    assert set(wrong) == set(mistaken.lost)
    for function, grade in wrong.items():
        checks, expected = {check.name for check in grade.checks}, mistaken.lost[function]
        if expected == EVERYTHING:
            assert lost(grade) == checks
        elif isinstance(expected, str):  # the part of a function that gives two
            assert lost(grade) == {check for check in checks if check.startswith(f"{expected},")}
        else:
            assert {check.split(", ")[-1] for check in lost(grade)} == expected
            assert len(lost(grade)) == len(expected) * len(KINDS[function])
        assert (grade.diagnosis_kind, grade.diagnosis) == ("one", [mistaken.name])
        assert grade.explanation[0].startswith(" ".join((MISTAKES | ON_INTEGERS)[mistaken.name].__doc__.split()))
        assert grade.cause


def test_the_right_one(judge_text):
    """Without a mistake nothing is lost."""
    assert all(grade.status == "passed" for grade in judge_text(RIGHT).values())


def test_all_of_the_catalogue_is_tried():
    """But for tanh, which the default assignment does without."""
    assert (MISTAKES | ON_INTEGERS).keys() - {mistaken.name for mistaken in MISTAKEN} == {
        "TanhDerivativeOfPreActivation"
    }
