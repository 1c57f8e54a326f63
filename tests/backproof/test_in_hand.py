"""What a caller has at hand, as in a notebook: it is judged as a file with the same functions is, and shows itself."""

import io
import re
import types
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from rich.console import Console

import backproof
from backproof import reference_impl
from backproof.grader.assignment import CouldNotGradeError
from backproof.reference_impl.contract import FUNCTIONS
from tests.grader.students import MISTAKEN, RIGHT

ROOT = Path(__file__).parents[2]
SUITED = """
import backproof
CONVENTION = backproof.Convention(
    ("identity", "sigmoid", "relu"), ("identity", "sigmoid", "relu", "softmax"),
    ("half_squared_error_mean", "cross_entropy_mean"),
)
"""
WRONG = RIGHT.replace("np.sum(delta, axis=0)", "np.mean(delta, axis=0)")
QUICK = {"networks": 12, "oracles": ["complex-step"], "dtypes": ["float64"]}


def of(text):
    """What the cells of a notebook have defined."""
    namespace = {"__name__": "__main__"}
    exec(text, namespace)
    return namespace


def module_of(text):
    made = types.ModuleType("mine")
    exec(text, made.__dict__)
    return made


class Right:
    relu = staticmethod(reference_impl.relu)

    def sigmoid(self, z):
        return reference_impl.sigmoid(z)


def sigmoid(z):
    return reference_impl.sigmoid(z)


@pytest.mark.parametrize("made", [of, module_of])
def test_as_a_file(made, tmp_path):
    """The same verdict and the same numbers, but for what it is called."""
    path = tmp_path / "mine.py"
    path.write_text(WRONG + SUITED)
    from_file = backproof.verify(str(path), **QUICK, out=tmp_path / "a")
    at_hand = backproof.verify(made(WRONG + SUITED), **QUICK, out=tmp_path / "b")
    assert at_hand.verdict == from_file.verdict == "disagree"
    assert at_hand.mistakes == from_file.mistakes
    assert [(q.quantity, q.cases, q.failures, q.worst_ratio) for q in at_hand.quantities] == [
        (q.quantity, q.cases, q.failures, q.worst_ratio) for q in from_file.quantities
    ]
    assert at_hand.mistakes[0].names == ["BiasGradientAveraged"]


@pytest.mark.parametrize("mine", [Right, Right(), sigmoid, {"sigmoid": sigmoid, "CONVENTION": backproof.Convention()}])
def test_what_it_may_be(mine, tmp_path):
    report = backproof.verify(mine, **QUICK, out=tmp_path)
    assert report.verdict == "agree"
    assert set(FUNCTIONS) - set(report.implementation.missing) <= {"sigmoid", "relu"}


def test_what_shows_one_network(tmp_path):
    """Is a call, that says the same."""
    functions = of(WRONG + SUITED)
    report = backproof.verify(functions, **QUICK, out=tmp_path)
    judged = eval(report.failures[0].replay)
    assert judged.disagreements


class TakesArguments:
    def __init__(self, weights):
        self.relu = np.abs


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        (3, "int has none of the contract's functions"),
        ({}, "functions has none of the contract's functions"),
        ({"relu": 3}, "functions has relu, but not as a function: as a value of type int"),
        ({"relu": np.abs, "CONVENTION": 3}, "functions has a CONVENTION, but not as a Convention"),
        (TakesArguments, "TakesArguments is a class of which no object can be made: .*; give an object"),
        (np.abs, "ufunc has none of the contract's functions|absolute has none"),
    ],
)
def test_what_it_may_not_be(mine, message, tmp_path):
    with pytest.raises(backproof.CouldNotLoadError, match=message):
        backproof.verify(mine, **QUICK, out=tmp_path)


def test_in_this_process_alone(tmp_path):
    for settings in ({"jobs": 2}, {"watched": True}, {"scheduler": "tcp://nowhere:1"}):
        with pytest.raises(ValueError, match="judged in this process alone"):
            backproof.verify(sigmoid, **QUICK, **settings, out=tmp_path)
    with pytest.raises(ValueError, match="no file that an adapter could call"):
        backproof.infer(sigmoid, write=tmp_path / "adapter.py")


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """An assignment to practise with, of few networks."""
    path = tmp_path_factory.mktemp("practice") / "practice.toml"
    path.write_text("networks = 40\nfeedback = 'hints'\n")
    backproof.make_key(path, out=path.with_suffix(".key"), practice=True)
    return path


class TestGrade:
    @pytest.mark.parametrize("text", [RIGHT, WRONG, *(each.source for each in MISTAKEN[::16])])
    def test_as_a_submission(self, text, practice, tmp_path):
        """The same points and names as a file has, with right functions in the place of wrong ones too."""
        (tmp_path / "mine.py").write_text(text)
        grades = (
            backproof.grade(tmp_path / "mine.py", assignment=practice, sandbox="none", out=tmp_path),
            backproof.grade(of(text), assignment=practice, out=tmp_path),
        )
        from_file, at_hand = (
            {name: (each.points, each.diagnosis, each.follow_through) for name, each in grade.functions.items()}
            for grade in grades
        )
        assert from_file == at_hand
        assert (tmp_path / "functions" / "feedback.html").exists()

    def test_what_it_calls_is_as_it_was(self, practice, tmp_path):
        """Right functions are in the place of its own no longer than they are called."""
        mine = of(RIGHT.replace("(1 - sigmoid(z))", "(1 + sigmoid(z))"))
        before = dict(mine)
        assert backproof.grade(mine, assignment=practice, out=tmp_path).functions["backward"].follow_through
        assert all(mine[name] is before[name] for name in before)

    def test_with_a_secret_key(self, tmp_path):
        """Whoever has one at hand could read the answers."""
        (tmp_path / "a.toml").write_text("seed = 'secret'\nnetworks = 16\n[points]\nrelu = 1\n")
        backproof.make_key(tmp_path / "a.toml", out=tmp_path / "a.key")
        with pytest.raises(CouldNotGradeError, match="could read the answers"):
            backproof.grade(of(RIGHT), assignment=tmp_path / "a.toml", out=tmp_path)


def test_whatever_is_in_it_is_text(tmp_path):
    """Names and messages in a notebook's page do nothing."""
    hostile = "<script>alert(1)</script>\u202e\x1b[31m"

    def backward(*_):
        raise ValueError(hostile)

    for shown in (
        backproof.verify({"backward": backward}, **QUICK, out=tmp_path),
        backproof.grade({"backward": backward, "relu": np.abs}, out=tmp_path),
    ):
        assert "<script" not in shown._repr_html_()
        assert "\x1b" not in shown._repr_html_()


def test_shown(tmp_path):
    """By a notebook, by IPython and by rich: what the terminal shows."""
    report = backproof.verify(of(WRONG + SUITED), **QUICK, out=tmp_path)
    console = Console(file=io.StringIO(), width=110)
    console.print(report)
    pretty = []
    report._repr_pretty_(types.SimpleNamespace(text=pretty.append), False)
    for text in (console.file.getvalue(), re.sub("<[^>]*>", "", report._repr_html_()), pretty[0]):
        assert "BiasGradientAveraged" in text
        assert report.summary.partition(" on ")[0] in " ".join(text.split())


@pytest.mark.long
def test_the_notebook(tmp_path):
    """The guide's cells run, one after the other, and show what its text says."""
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        output["data"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    verified, explained, inferred, graded, verdict = shown
    assert "BiasGradientAveraged" in verified["text/html"]
    assert (
        "the gradient of" in explained["text/plain"]
        or "dW" in explained["text/plain"]
        or "db" in explained["text/plain"]
    )
    assert "half_squared_error_mean" in inferred["text/html"]
    assert "12 of" in graded["text/html"]
    assert verdict["text/plain"] == "'agree'"
