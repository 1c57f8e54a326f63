"""`studies.claims.counterexamples`: on one line, small, and the arithmetic is right."""

import json
import re
from fractions import Fraction

import numpy as np
import pytest

from backproof.oracles.case import Case
from backproof.studies.claims.counterexamples import factor, number, numbers, product

LINES = {
    "N8": "x = (1, 0): N8 gives y_1 = 1 / (1 + 0) = 1, but the softmax is e^1 / (e^1 + e^0) = 0.7311",
    "N12": "x = (1, 0), w = 0, b = 0, y = 0, y' = 1/2, δ = ∂L/∂y' y' (1 - y') = 1/2 · 1/2 · 1/2 = 1/8: "
    "N12 gives ∂L/∂w_12 = 1/8 · x_1 = 1/8; it is 1/8 · x_2 = 0",
    "N14": "x = 0, w = 0; 1, b = 0, y = 0, y' = (1/2, 1/2), δ = ∂L/∂y' y' (1 - y') = 1/2 · 1/2 · 1/2 = (1/8, 1/8): "
    "N14 gives ∂L/∂x_1 = 1/8 · 0 = 0; it is 1/8 · 0 + 1/8 · 1 = 1/8",
    "N15": "y' = 0, y = 1, n = 1: N15 gives ∂L/∂y' = 1/1 · (0 - 1) = -1, but L = 1/1 · (0 - 1)² has "
    "∂L/∂y' = 2/1 · (0 - 1) = -2",
}


@pytest.fixture(scope="module")
def found(verdict_on):
    return {name: verdict_on(name).counterexample for name in LINES}


@pytest.mark.parametrize("id", LINES)
def test_one_line_of_integers(id, found):
    """The smallest there is, in numbers to check by hand."""
    assert found[id].line == LINES[id]
    case = Case.from_json(found[id].case)
    assert case.size <= 11
    assert all((array == array.round()).all() for array in (*case.weights, *case.biases, case.x, case.y))


@pytest.mark.parametrize("id", LINES)
def test_arithmetic(id, found):
    """Every equation between numbers is one."""
    text = found[id].line.replace("·", "*").replace("y' = (1/2, 1/2)", "").replace(" = (1/8, 1/8)", "")
    checked = 0
    for part in re.split(r"[;:,]| but ", text):
        sides = [side.strip() for side in part.split(" = ")]
        plain = [side for side in sides if re.fullmatch(r"[\d\s()*/+-]+", side) and side.count("(") == side.count(")")]
        values = {eval(re.sub(r"(\d+)", r"Fraction(\1)", side), {"Fraction": Fraction}) for side in plain}
        assert len(values) <= 1, part
        checked += len(plain) > 1
    assert checked


def test_printed_and_exact_values(found):
    """Beside the line, all entries of what is wrong."""
    assert (found["N12"].printed, found["N12"].exact) == ([0.125, 0.125], [0.125, 0.0])
    assert (found["N14"].printed, found["N14"].exact) == ([0.0], [0.125])
    assert json.loads(found["N8"].case)["x"] == [[1, 0]]


def test_numbers():
    """Integers and simple fractions as such, all else in four digits."""
    assert [number(v) for v in (3.0, -0.5, 1 / 3, 0.0, 0.7310585786300049, np.inf)] == [
        "3", "-1/2", "1/3", "0", "0.7311", "no number",
    ]  # fmt: skip
    assert [numbers(v) for v in ([2.0], [0.0, 0.0], [1.0, 0.25])] == ["2", "0", "(1, 1/4)"]
    assert (factor(-2.0), product(0.5, -1.0, 3.0)) == ("(-2)", "1/2 · (-1) · 3")
