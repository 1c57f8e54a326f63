"""Mistakes as students make them: each loses the points that it should, no others, and is called by its name."""

from decimal import Decimal

import pytest

from backproof.grader.assignment import Assignment, Points
from backproof.grader.checks import ORDINARY
from backproof.grader.key_making import make_key
from backproof.mistakes.catalogue import MISTAKES, ON_INTEGERS
from backproof.oracles.case import KINDS
from tests.grader.conftest import judge_unprotected
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
        if mistaken.kept:
            checks = {check for check in checks if not check.endswith(mistaken.kept)}
            assert {c.points / c.max_points for c in grade.checks if c.name.endswith(ORDINARY)} <= {0.5, 1}
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


def test_another_assignment():
    """With tanh, and with a squared error that has no factor 1/2, so that N15 is one of the notes' misprints."""
    assignment = Assignment(
        networks=32,
        dtypes=("float64",),
        activations=("identity", "tanh"),
        losses=("squared_error_mean",),
        points=Points(tanh=Decimal(1), tanh_prime=Decimal(1), backward=Decimal(2)),
        feedback="hints",
    )
    text = RIGHT.replace("sigmoid", "tanh").replace("1.0 / (1.0 + np.exp(-z))", "np.tanh(z)")
    right = text.replace("tanh(z) * (1 - tanh(z))", "1 - tanh(z) ** 2").replace("error = p - y", "error = 2 * (p - y)")
    key = make_key(assignment)
    assert all(grade.status == "passed" for grade in judge_unprotected(assignment, key, right).values())
    wrong = right.replace("1 - tanh(z) ** 2", "1 - z ** 2").replace("error = 2 * (p - y)", "error = p - y")
    grades = judge_unprotected(assignment, key, wrong)
    assert grades["tanh_prime"].diagnosis == ["TanhDerivativeOfPreActivation"]
    assert grades["backward"].diagnosis == ["FactorTwoMissing"]
    assert "The notes print it like that, in N15." in grades["backward"].explanation[0]


def test_all_of_the_catalogue_is_tried():
    """But for tanh, which the default assignment does without, and the test before this one tries."""
    assert (MISTAKES | ON_INTEGERS).keys() - {mistaken.name for mistaken in MISTAKEN} == {
        "TanhDerivativeOfPreActivation"
    }
