"""Similar programs: those that are the same up to names are found, those by several people are not."""

import re
import time
from pathlib import Path

import pytest

from backproof.grader.assignment import CouldNotGradeError
from backproof.grader.course import similar
from backproof.grader.course.similar import check_similar, similar_programs, without_names
from backproof.grader.course.starter import starter
from tests.backproof.commands import run
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT

THIRD_PARTY = Path(__file__).parents[1] / "third_party"
NAMES = {"shifted": "u", "delta": "wort", "back": "rueck", "error": "fehler", "activation": "g", "derivative": "gs"}
RENAMED = re.sub("|".join(rf"\b{name}\b" for name in NAMES), lambda found: NAMES[found[0]], RIGHT)
COPIED = RENAMED.replace("    n = x.shape[0]\n", "    # how many there are\n    n = x.shape[0]\n\n").replace(
    "1.0", "1.00"
)
OTHER = """
import numpy as np
def sigmoid(z): return np.reciprocal(1 + np.exp(-z))
def relu(z): return z * (z > 0)
def softmax(z):
    e = np.exp((z.T - z.max(1)).T)
    return (e.T / e.sum(1)).T
def forward(weights, biases, x, activations):
    table = dict(identity=lambda z: z, sigmoid=sigmoid, relu=relu, softmax=softmax)
    kept = [x]
    for i in range(len(weights)):
        kept.append(table[activations[i]](kept[i] @ weights[i].T + biases[i]))
    return kept
"""


def found(*programs, handed_out=""):
    return {group.students for group in similar_programs(programs, handed_out)}


def test_the_same_up_to_names():
    assert RENAMED != RIGHT != COPIED
    assert without_names(RENAMED) == without_names(RIGHT)
    assert found(("a", RIGHT), ("b", OTHER), ("c", COPIED)) == {("a", "c")}


def test_programs_by_several_people():
    """None of the adapters for programs from elsewhere is taken for a copy of another."""
    programs = [(path.stem, path.read_text()) for path in sorted(THIRD_PARTY.glob("*.py"))]
    assert len(programs) > 5
    assert found(*programs) == set()


def test_rings():
    """All who copied from each other are told together, and others apart."""
    ring = [(f"s{i:02}", COPIED if i % 2 else RIGHT) for i in range(12)]
    assert found(*ring, ("x", OTHER), ("y", OTHER)) == {tuple(name for name, _ in ring), ("x", "y")}


@pytest.mark.parametrize("bad", ["# pad\n" * 60_000, "def f():\n        x\n   y\n"])
def test_what_hides_nothing(bad):
    """Neither comments nor what is no Python makes programs look alike, or not."""
    assert found(("a", bad + RIGHT), ("b", RIGHT), ("c", bad + OTHER)) == {("a", "b")}


def test_what_was_handed_out_counts_for_nothing():
    """Who has written nothing yet is no copy of the others who have not."""
    begun = starter(SMALL)
    assert found(("a", begun), ("b", begun), handed_out=begun) == set()
    assert found(("a", begun + RIGHT), ("b", begun + COPIED), ("c", begun + OTHER), handed_out=begun) == {("a", "b")}


@pytest.mark.parametrize(
    "text",
    ["", "def f(:\n", "'''", "(" * 10**5, "\\\n" * 10**5, "\0", "é" * 10**6, "a = '" + "b" * 10**6, " x\n  y\n z"],
)
def test_whatever_was_handed_in(text):
    begun = time.process_time()
    assert found(("a", text), ("b", text), ("c", RIGHT)) in ({("a", "b")}, set())
    assert time.process_time() - begun < 60


@needs_bubblewrap
def test_on_the_page(tmp_path, monkeypatch):
    """For the course alone: no student's page tells of it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name, text in (("ada", RIGHT), ("ben", COPIED), ("eve", OTHER)):
        (tmp_path / "in" / f"{name}.py").write_text(text)
    done = run("grade", "in", "--class", "--similar", "--out", "out")
    assert "2 programs are nearly the same as others" in done.stdout
    assert "ada</a>, <a" in (tmp_path / "out" / "class.html").read_text()
    assert "nearly the same" not in (tmp_path / "out" / "ada" / "feedback.html").read_text()
    assert "nearly the same" not in run("grade", "in", "--class", "--out", "out").stdout


def test_where_it_cannot_be(monkeypatch):
    with pytest.raises(CouldNotGradeError, match="among 500 students at most"):
        check_similar(501)
    monkeypatch.setattr(similar.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CouldNotGradeError, match=r"pip install \"backproof\[similar\]\""):
        check_similar(2)
