"""An instructor's adapter, in the sandbox and before: its helpers, whose fault an error is, and what it is for."""

import re
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.grader.adapting import _asked_beyond, keys_for, toml, with_adapter
from backproof.grader.assignment import EDGES, CouldNotGradeError, read_assignment
from backproof.grader.grading import Settings, grade_submission
from backproof.grader.grading import grade as grade_whole
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.sandbox.worker import ELEMENTARY
from backproof.oracles.case import OF_INPUT
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, find_loss
from backproof.verification.adapters import Convention
from tests.grader.conftest import SMALL, grade_text, needs_bubblewrap
from tests.grader.students import RIGHT
from tests.grader.test_handed_in import notebook, zipped

# In terms of the contract's right functions, each in the shape that a helper is for.
HELPED = {
    "transposed": "adapters.transposed(turned)",
    "gradients_from_step": "adapters.gradients_from_step(step)",
    "row_by_row": "adapters.row_by_row(adapters.gradients_from_step(epoch))",
    "per_sample": "adapters.per_sample(of_one)",
    "samples_in_columns": "adapters.samples_in_columns(in_columns)",
    "bias_in_a_column": "adapters.bias_in_a_column(in_a_column)",
}
SHAPES = """
import numpy as np
from backproof import Convention, adapters
from submission import backward as right

def turned(weights, biases, x, y, *rest):
    dW, db = right([W.T for W in weights], biases, x, y, *rest)
    return [d.T for d in dW], db

def step(weights, biases, x, y, activations, loss, rate):
    dW, db = right(weights, biases, x, y, activations, loss)
    return [W - rate * d for W, d in zip(weights, dW)], [b - rate * d for b, d in zip(biases, db)]

def epoch(weights, biases, x, y, activations, loss, rate):
    for i in range(len(x)):
        weights, biases = step(weights, biases, x[i:i + 1], y[i:i + 1], activations, loss, rate)
    return weights, biases

def of_one(weights, biases, x, y, *rest):
    return right(weights, biases, x[None], y[None], *rest)

def in_columns(weights, biases, x, y, *rest):
    dW, db = right(weights, [b[:, 0] for b in biases], x.T, y.T, *rest)
    return dW, [d[:, None] for d in db]

def in_a_column(weights, x, y, *rest):
    dW, db = right([W[:, 1:] for W in weights], [W[:, 0] for W in weights], x, y, *rest)
    return [np.column_stack(pair) for pair in zip(db, dW)]

"""


@needs_bubblewrap
class TestAdapters:
    @pytest.mark.parametrize("helper", HELPED)
    def test_helpers(self, helper, key_of, tmp_path):
        """Each gives what it gives to `verify`, of integers and of single precision too."""
        assignment = msgspec.structs.replace(SMALL, points=type(SMALL.points)(backward=10))
        adapter = f"{SHAPES}\nbackward = {HELPED[helper]}\n"
        for text, points in ((RIGHT, 10), (RIGHT.replace("np.sum(delta, axis=0)", "np.mean(delta, axis=0)"), None)):
            found = grade_text(text, assignment, key_of(assignment), tmp_path, adapter)
            assert [check.cause for check in found.functions["backward"].checks if check.cause and points] == []
            assert (found.score == 10) == bool(points) or helper in ("per_sample", "row_by_row")

    def test_helpers_functions_of_its_own(self, small_key_file, tmp_path):
        """A sigmoid in an adapter with a CONVENTION is none that is graded, unless it says so."""
        adapter = "from backproof import adapters\nfrom submission import backward\n{}\ndef sigmoid(v):\n    return v\n"
        for convention, points in (("CONVENTION = adapters.Convention()", 6), ("", 0), ("__all__ = ['sigmoid']", 0)):
            found = grade_text(RIGHT, SMALL, small_key_file, tmp_path, adapter.format(convention))
            assert found.functions["sigmoid"].points == points
        assert ELEMENTARY == OF_INPUT

    def test_whatever_a_submission_calls_its_own(self, small_key_file, tmp_path):
        """A folder with a file of that name is no danger to the helpers, nor they to it."""
        folder = tmp_path / "handed in"
        folder.mkdir()
        (folder / "backproof.py").write_text("adapters = None\nfactor = 1\n")
        (folder / "main.py").write_text(f"import backproof\nassert backproof.factor == 1\n{RIGHT}")
        adapter = tmp_path / "adapter.py"
        adapter.write_text(
            "from backproof import adapters\nfrom submission import backward\nassert adapters.transposed\n"
        )
        found = grade_submission(find_submission(folder, "main.py"), SMALL, small_key_file, "bubblewrap", adapter)
        assert found.score == 100
        assert found.remarks == []

    @pytest.mark.parametrize("name", ["backproof", "backproof.grader", "backproof.reference_impl.network"])
    def test_nothing_else_is_there(self, name, small_key_file, tmp_path):
        """Of Backproof, a submission finds nothing; beside an adapter, its helpers alone."""
        text = "import importlib\ntry:\n    importlib.import_module({name!r})\nexcept ImportError:\n    pass\n"
        text = f"{text.format(name=name)}else:\n    raise SystemExit\n"
        assert grade_text(text + RIGHT, SMALL, small_key_file, tmp_path).score == 100
        after = "from submission import *\nfrom backproof import adapters\n"
        if name != "backproof":
            assert grade_text(RIGHT, SMALL, small_key_file, tmp_path, after + text).score == 100

    def test_without_a_helper(self, key_of, tmp_path):
        """Labels as class numbers, and slopes as functions of the output, take an adapter of a few lines."""
        text = RIGHT.replace(
            "    L = len(weights)\n",
            "    y = np.eye(weights[-1].shape[0], dtype=weights[0].dtype)[y]\n    L = len(weights)\n",
        )
        text = text.replace("    return sigmoid(z) * (1 - sigmoid(z))", "    return z * (1 - z)")
        text = text.replace(
            "back * derivative(z[l - 1]", "back * derivative((z if activations[l - 1] == 'relu' else a[1:])[l - 1]"
        )
        edges = tuple(edge for edge in EDGES if edge != "soft labels")
        points = type(SMALL.points)(sigmoid_prime=1, backward=10)
        assignment = msgspec.structs.replace(SMALL, losses=("cross_entropy_mean",), edges=edges, points=points)
        adapter = """
from submission import backward as of_classes, sigmoid, sigmoid_prime as of_outputs

def sigmoid_prime(z):
    return of_outputs(sigmoid(z))

def backward(weights, biases, x, y, activations, loss):
    return of_classes(weights, biases, x, y.argmax(axis=1), activations, loss)
"""
        assert grade_text(text, assignment, key_of(assignment), tmp_path, adapter).score == 11
        assert grade_text(text, assignment, key_of(assignment), tmp_path).score == 0

    @pytest.mark.parametrize("place", ["there", "path"])
    def test_no_submission_is_imported_outside(self, place, key_of, tmp_path, monkeypatch):
        """Whatever lies where Python looks for modules: what an adapter declares is read with something else."""
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.chdir(tmp_path)
        escaped = tmp_path / "escaped"
        text = f"from pathlib import Path\nPath({str(escaped)!r}).touch()\n{RIGHT}"
        name = {"there": "submission", "path": "net"}[place]
        adapter = f"from {name} import backward\nfrom {name}.inner import nothing\n"
        (tmp_path / f"{name}.py").write_text(text)
        (tmp_path / "adapter.py").write_text(adapter)
        with_adapter(SMALL, tmp_path / "adapter.py")
        assert not escaped.exists()
        assert name not in sys.modules

    @pytest.mark.parametrize("handed_in", ["ada.py", "ada.ipynb", "ada.zip", "ada"])
    def test_by_the_assignments_name(self, handed_in, small_key_file, tmp_path):
        """An adapter finds a submission by the name that the assignment has for it, however it was handed in."""
        path, adapter = tmp_path / handed_in, tmp_path / "adapter.py"
        adapter.write_text("from net import *\nfrom net import backward as theirs\n")
        if handed_in == "ada":
            path.mkdir()
            (path / "net.py").write_text(RIGHT)
        elif handed_in == "ada.zip":
            zipped(path, {"net.py": RIGHT})
        else:
            path.write_text(notebook(RIGHT) if handed_in.endswith("ipynb") else RIGHT)
        toml = tmp_path / "assignment.toml"
        toml.write_text("networks = 40\nfeedback = 'hints'\nfile = 'net.py'\n")
        found = grade_whole(path, Settings(assignment=toml, key=small_key_file, adapter=adapter))
        assert found.score == 100

    def test_whose_fault_it_is(self, small_key_file, tmp_path):
        """What is broken in a submission's files is the student's, and what is not there at all the adapter's."""
        folder = tmp_path / "ada"
        (folder / "nets").mkdir(parents=True)
        (folder / "nets" / "dense.py").write_text("def (:\n")
        (folder / "main.py").write_text("1 / 0\nfrom nets.dense import *\n")
        adapter = tmp_path / "adapter.py"
        adapter.write_text("from nets.dense import backward, forward\n")
        found = grade_submission(find_submission(folder), SMALL, small_key_file, "bubblewrap", adapter)
        assert found.score == 0
        assert "SyntaxError" in found.functions["backward"].cause
        adapter.write_text("from nest.dense import backward, forward\n")
        with pytest.raises(CouldNotGradeError, match=r"adapter\.py does not work: .*No module named 'nest'"):
            grade_submission(find_submission(folder), SMALL, small_key_file, "bubblewrap", adapter)

    def test_lines_are_the_students(self, small_key_file, tmp_path):
        """An error that passes through helpers is told with the line where it is in the submission."""
        text = RIGHT.replace("    dW = [None] * L\n", "    dW = [None] * L\n    1 / 0\n")
        line = 1 + text[: text.index("    1 / 0")].count("\n")
        adapter = f"{SHAPES}\nbackward = {HELPED['transposed']}\n"
        cause = grade_text(text, SMALL, small_key_file, tmp_path, adapter).functions["backward"].cause
        assert f"ZeroDivisionError in line {line}: " in cause


class TestSuiting:
    """An adapter that is for other networks than the assignment asks about costs nobody a point."""

    ADAPTER = "from backproof import adapters\nfrom submission import {}\nCONVENTION = adapters.Convention({})\n"

    @pytest.mark.parametrize(
        ("convention", "said"),
        [
            ("losses=('squared_error_sum',)", 'half_squared_error_mean, .*losses = ["squared_error_sum"]'),
            ("hidden=('tanh',)", 'identity in hidden layers, .*make its key anew: layers = ["tanh", "softmax"]'),
            ("last=('sigmoid', 'softmax')", 'identity in the last layer, .*layers = ["identity", "softmax"]'),
            ("biases=False", "biases, .*biases = false"),
            ("widths=(2, 2, 1)", r"widths other than [2, 2, 1], .*widths = [2, 2, 1]"),
            ("layers=2", "more than 2 layers, .*layers = "),
            ("one_hidden=True", "several activations in one network, .*layers = "),
        ],
    )
    def test_refused(self, convention, said, tmp_path):
        adapter = tmp_path / "adapter.py"
        adapter.write_text(self.ADAPTER.format("backward", convention))
        pattern = re.escape(said).replace(r"\.\*", ".*")
        with pytest.raises(CouldNotGradeError, match=rf"is not for {pattern}"):
            with_adapter(SMALL, adapter)

    def test_as_exact_as_it_says(self, tmp_path):
        """Nobody is believed who says how far off they may be."""
        adapter = tmp_path / "adapter.py"
        adapter.write_text(
            "from backproof import adapters\nfrom mine import step\n"
            "backward = adapters.transposed(adapters.gradients_from_step(step, learning_rate=0.1))\n"
        )
        with pytest.raises(CouldNotGradeError, match="backward: gradients from steps of a fixed learning rate"):
            with_adapter(SMALL, adapter)

    def test_what_it_declares(self, tmp_path):
        adapter = tmp_path / "adapter.py"
        adapter.write_text(self.ADAPTER.format("anything", "differences=('epsilon=1e-07',)"))
        assert with_adapter(SMALL, adapter).differences == ("epsilon=1e-07",)
        assert with_adapter(SMALL, adapter).digest() == SMALL.digest()
        adapter.write_text(adapter.read_text().replace("1e-07", "2e-07"))
        with pytest.raises(CouldNotGradeError, match="CONVENTION, differences: 'epsilon=2e-07' is unknown"):
            with_adapter(SMALL, adapter)

    @pytest.mark.parametrize(
        "before", ["import submission\nx = submission.N + 1 - submission.M[2]\n", "from a.b import c\n"]
    )
    def test_one_that_computes(self, before, tmp_path):
        """What it declares is read also where it makes something of a submission."""
        adapter = tmp_path / "adapter.py"
        adapter.write_text(before + self.ADAPTER.format("anything", "losses=('squared_error_sum',)"))
        with pytest.raises(CouldNotGradeError, match="is not for half_squared_error_mean"):
            with_adapter(SMALL, adapter)

    @pytest.mark.parametrize("text", ["1 / 0", "import submission\nint(submission.N)", "raise SystemExit", "def f(:"])
    def test_one_that_says_nothing(self, text, tmp_path):
        """What does not work without a submission is found out with one."""
        adapter = tmp_path / "adapter.py"
        adapter.write_text(text)
        assert with_adapter(SMALL, adapter) is SMALL

    @settings(deadline=None)
    @given(data=st.data())
    def test_what_is_advised_suits(self, data, tmp_path_factory):
        """The lines that are told make an assignment that the adapter is for."""

        def some(names):
            return tuple(data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))

        hidden, last, losses = some(HIDDEN_ACTIVATIONS), some(ACTIVATIONS), some(tuple(LOSSES))
        fitting = {loss: [g for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind] if g in last] for loss in losses}
        losses = tuple(loss for loss in losses if fitting[loss])
        if not losses:
            return
        layers = data.draw(st.none() | st.integers(1, 4))
        declared = Convention(
            hidden, last, losses, one_hidden=data.draw(st.booleans()), layers=layers, biases=data.draw(st.booleans())
        )
        lines = "\n".join(f"{key} = {toml(value)}" for key, value in keys_for(declared).items())
        path = tmp_path_factory.mktemp("advised") / "assignment.toml"
        path.write_text(lines)
        assert list(_asked_beyond(read_assignment(path), declared)) == []
