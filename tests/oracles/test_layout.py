"""`oracles.layout`: arrays keep their numbers, wherever they are moved; compiled or not."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backproof.oracles import layout as module
from backproof.oracles.layout import Layout

# Of two networks two arrays each: 2 x 3 and 1 x 2, 1 x 1 and none.
ROWS, COLUMNS = np.array([[2, 1], [1, 0]]), np.array([[3, 2], [1, 5]])
LINE = np.arange(1.0, 10.0)

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=[0, 2], ids=["compiled", "as it stands"])
def layout(request, monkeypatch) -> Layout:
    monkeypatch.setattr(module, "FEW", request.param)
    return Layout.of(ROWS, COLUMNS)


def test_one_after_the_other(layout):
    assert layout.starts.tolist() == [[0, 6], [8, 9]]
    assert layout.sizes.tolist() == [[6, 2], [1, 0]]


def test_padded(layout):
    """With room for a third network."""
    padded = layout.padded(LINE, (3, 2, 2, 4))
    assert padded[0].tolist() == [[[1, 2, 3, 0], [4, 5, 6, 0]], [[7, 8, 0, 0], [0, 0, 0, 0]]]
    assert padded[1].tolist() == [[[9, 0, 0, 0], [0] * 4], [[0] * 4, [0] * 4]]
    assert not padded[2].any()


def test_taken_back(layout):
    """From an array that is larger, in another dtype and not in one piece; what is beside the arrays does not count."""
    padded = np.full((4, 2, 2, 3), np.nan, np.float32).transpose(3, 1, 2, 0)
    padded[:2, :, :, :3] = layout.padded(LINE, (2, 2, 2, 3))
    line = np.zeros(9)
    layout.take(padded, line)
    assert line.tolist() == LINE.tolist()


@pytest.mark.usefixtures("layout")
def test_without_what_is_1_anyway():
    """Vectors, one array a network, single numbers."""
    vectors = Layout.of(np.array([[1, 1]]), np.array([[2, 1]]))
    assert vectors.padded(LINE[:3], (1, 2, 2)).tolist() == [[[1, 2], [3, 0]]]
    single = Layout.of(np.array([[1], [2]]), np.array([[2], [1]]))
    assert single.padded(LINE[:4], (2, 2, 2)).tolist() == [[[1, 2], [0, 0]], [[3, 0], [4, 0]]]
    numbers, line = Layout.of(np.ones((2, 1), int), np.ones((2, 1), int)), np.zeros(2)
    numbers.take(LINE[:3], line)
    assert line.tolist() == [1, 2]


def test_a_part(layout):
    """Of the same line."""
    last = layout.part(slice(1), slice(1, 2))
    assert last.padded(LINE, (1, 1, 2)).tolist() == [[[7, 8]]]
    line = np.zeros(9)
    last.take(np.array([[[5.0, 6.0]]]), line)
    assert line.tolist() == [0, 0, 0, 0, 0, 0, 5, 6, 0]


def test_turned(layout):
    assert layout.turned(LINE).tolist() == [6, 5, 4, 3, 2, 1, 8, 7, 9]


def test_nothing_is_compiled_for_a_few():
    """A property of one network is not the slower for the first."""
    code = """
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.draw import draw_case
bounds([draw_case(0, 0)], [NUMPY["float64"]])
import sys
print("numba" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False\n"
