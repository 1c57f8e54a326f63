"""Whatever is right gets full marks, however it is written."""

import pytest

from tests.grader.right import RIGHTS


@pytest.mark.parametrize("way", RIGHTS)
def test_full_marks(way, judge_text):
    grades = judge_text(RIGHTS[way])
    assert {function: grade.cause for function, grade in grades.items() if grade.status != "passed"} == {}
    assert sum(grade.points for grade in grades.values()) == 100


def test_there_are_many():
    assert len(RIGHTS) >= 15
