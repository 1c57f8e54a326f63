"""What a caller has at hand, as in a notebook: it is judged as a file with the same functions is, and shows itself."""

import functools
import gc
import re
import time
import types
import weakref
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest

import backproof
from backproof import reference_impl
from backproof.grader.assignment import CouldNotGradeError
from backproof.oracles.case import OF_INPUT
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
    compared = [
        [(q.quantity, q.cases, q.failures, q.worst_ratio) for q in report.quantities if q.quantity not in OF_INPUT]
        for report in (at_hand, from_file)
    ]
    assert compared[0] == compared[1]
    # In a file with a CONVENTION these are helpers more often than not; what is at hand is what is meant.
    assert set(OF_INPUT) - {"tanh", "tanh_prime"} == set(OF_INPUT) - set(at_hand.implementation.missing)
    assert at_hand.mistakes[0].names == ["BiasGradientAveraged"]


@pytest.mark.parametrize("mine", [Right, Right(), sigmoid, {"sigmoid": sigmoid, "CONVENTION": backproof.Convention()}])
def test_what_it_may_be(mine, tmp_path):
    report = backproof.verify(mine, **QUICK, out=tmp_path)
    assert report.verdict == "agree"
    assert set(FUNCTIONS) - set(report.implementation.missing) <= {"sigmoid", "relu"}


def test_what_shows_one_network(tmp_path):
    """Is a call, in which what it is about has to be put: no name that might mean something else."""
    functions = of(WRONG + SUITED)
    report = backproof.verify(functions, **QUICK, out=tmp_path)
    call = report.failures[0].replay
    assert "implementation=..., " in call
    assert eval(call.replace("implementation=...", "implementation=functions")).disagreements
    with pytest.raises(backproof.CouldNotLoadError, match="ellipsis has none of the contract's functions"):
        eval(call)


def test_it_is_never_continued(tmp_path):
    """Nobody can tell whether what is at hand then is the same."""
    backproof.verify(sigmoid, **QUICK, out=tmp_path)
    with pytest.raises(ValueError, match="what was judged was at hand"):
        backproof.continue_verification(tmp_path)


def test_nothing_is_kept(tmp_path):
    """One object is made of a class, and lives no longer than it is needed; what was given last is judged."""
    made = []

    class Mine:
        def __init__(self):
            made.append(weakref.ref(self))

        def relu(self, z):
            return -z

    assert backproof.verify(Mine, **QUICK, out=tmp_path).verdict == "disagree"
    assert len(made) == 1
    assert backproof.verify({"relu": np.abs}, **QUICK, out=tmp_path).verdict == "disagree"
    gc.unfreeze()
    gc.collect()
    assert made[0]() is None


class TakesArguments:
    def __init__(self, weights):
        self.relu = np.abs


class Exits:
    @property
    def relu(self):
        raise SystemExit


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        (3, "int has none of the contract's functions"),
        ({}, "functions has none of the contract's functions"),
        ({"relu": 3}, "functions has relu, but not as a function: as a value of type int"),
        ({"relu": np.abs, "CONVENTION": 3}, "functions has a CONVENTION, but not as a Convention"),
        (TakesArguments, "TakesArguments cannot be used as it is: TypeError: .*; give an object"),
        (Exits, "Exits cannot be used as it is: SystemExit.*; give an object"),
        (None, "NoneType has none of the contract's functions"),
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


def decorated(function):
    @functools.wraps(function)
    def inner(*given):
        return function(*given)

    return inner


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

    @pytest.mark.parametrize("missing", [False, True])
    def test_what_it_calls_is_as_it_was(self, missing, practice, tmp_path):
        """Right functions are in the place of its own, or of none, no longer than they are called."""
        mine = of(RIGHT.replace("(1 - sigmoid(z))", "(1 + sigmoid(z))"))
        if missing:
            del mine["sigmoid_prime"]
        before = dict(mine)
        found = backproof.grade(mine, assignment=practice, out=tmp_path).functions["backward"]
        assert (found.follow_through, found.points) == (True, 34)
        assert all(mine[name] is before[name] for name in before)
        assert set(mine) - set(before) <= {"__warningregistry__"}

    @pytest.mark.parametrize("wrapped", [functools.partial, decorated])
    def test_wrapped(self, wrapped, practice, tmp_path):
        """Right functions come into the place of its own also where these are wrapped, or looked up elsewhere."""
        mine = of(RIGHT.replace("(1 - sigmoid(z))", "(1 + sigmoid(z))"))
        mine |= {name: wrapped(mine[name]) for name in FUNCTIONS if name in mine}
        assert backproof.grade(mine, assignment=practice, out=tmp_path).functions["backward"].points == 34

    def test_with_a_convention(self, practice, tmp_path):
        """What is at hand is what is meant, and nothing of it a helper."""
        assert backproof.grade(of(RIGHT + SUITED), assignment=practice, out=tmp_path).score == 100

    def test_who_sleeps(self, practice, tmp_path):
        """Is asked about fewer networks, as who computes is."""
        (tmp_path / "a.toml").write_text(f"{practice.read_text()}[limits]\ntotal_seconds = 4\n")

        def relu(z):
            time.sleep(0.05)
            return np.maximum(z, 0)

        key = practice.with_suffix(".key")
        found = backproof.grade({"relu": relu}, assignment=tmp_path / "a.toml", key=key, out=tmp_path).functions["relu"]
        assert (found.points, sum(check.networks for check in found.checks) < 60) == (4, True)

    def test_settings_of_files(self, tmp_path):
        for settings in ({"adapter": "a.py"}, {"student": "ada"}, {"hand_in": 2}, {"sandbox": "limits"}):
            with pytest.raises(ValueError, match="are about files"):
                backproof.grade({"relu": np.abs}, **settings, out=tmp_path)

    @pytest.mark.parametrize("name", ["../x", "/tmp/x", "", "a\nb"])
    def test_a_name_is_no_path(self, name, practice, tmp_path):
        """Nothing is written beside the folder."""
        mine = types.SimpleNamespace(relu=np.abs, __name__=name)
        out = tmp_path / "out"
        backproof.grade(mine, assignment=practice, out=out)
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        assert [path.name for path in out.iterdir()] == ["SimpleNamespace"]

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
        told = []
        shown._repr_pretty_(types.SimpleNamespace(text=told.append), False)
        assert "<script" not in shown._repr_html_()
        for text in (shown._repr_html_(), *told):
            assert not {"\x1b", "\u202e", "\ud800"} & set(text)


def test_shown(tmp_path):
    """By a notebook and by IPython: what the terminal shows."""
    report = backproof.verify(of(WRONG + SUITED), **QUICK, out=tmp_path)
    pretty = []
    report._repr_pretty_(types.SimpleNamespace(text=pretty.append), False)
    for text in (re.sub("<[^>]*>", "", report._repr_html_()), pretty[0]):
        assert "BiasGradientAveraged" in text
        assert report.summary.partition(" on ")[0] in " ".join(text.split())


@pytest.mark.long
def test_the_notebook(tmp_path):
    """The guide's cells run, one after the other, and show what its text says."""
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"execute_result"}  # each is shown once
    shown = [output["data"] for output in outputs]
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
