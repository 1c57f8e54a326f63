"""A course's own conventions: adapters with Backproof's helpers, fixed networks, and what is declared to be right."""

import json
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backproof.grader.adapting import _asked_beyond, keys_for, toml, with_adapter
from backproof.grader.assignment import DECLARED, EDGES, Assignment, CouldNotGradeError, read_assignment
from backproof.grader.grading import grade_submission
from backproof.grader.handed_in.submission import find_submission
from backproof.grader.key import write_key
from backproof.grader.key_making import make_key
from backproof.grader.networks import draw_networks, random_stream
from backproof.grader.sandbox.worker import ELEMENTARY
from backproof.oracles.case import OF_INPUT
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, find_loss
from backproof.verification.adapters import Convention
from tests.grader.conftest import SMALL, needs_bubblewrap
from tests.grader.students import RIGHT

OF_NETWORKS = msgspec.convert({"forward": 5, "backward": 10, "gradient_descent_step": 2}, type(SMALL.points))


def grade(text, assignment, key, folder, adapter="", mode="bubblewrap", name="submission"):
    (folder / f"{name}.py").write_text(text)
    path = None
    if adapter:
        path = folder / "adapter.py"
        path.write_text(adapter)
    return grade_submission(find_submission(folder / f"{name}.py"), assignment, key, mode, path)


@pytest.fixture(scope="session")
def key_of(tmp_path_factory):
    """The key of an assignment, made once."""
    made = {}

    def key(assignment):
        digest = assignment.digest()
        if digest not in made:
            made[digest] = tmp_path_factory.mktemp("keys") / "some.key"
            write_key(make_key(assignment), made[digest])
        return made[digest]

    return key


class TestDifferences:
    """Who does just what is declared loses nothing; who does anything else does."""

    LOG = "np.log(np.where(prediction > 0, prediction, 1.0))"
    EPSILON = RIGHT.replace(LOG, "np.log(prediction + 1e-7)")
    SLOPE = RIGHT.replace("d[z > 0] = 1", "d[z >= 0] = 1")
    BOTH = EPSILON.replace("d[z > 0] = 1", "d[z >= 0] = 1")

    @needs_bubblewrap
    @pytest.mark.parametrize(
        ("text", "differences", "lost"),
        [
            (EPSILON, [], {"loss": 4}),
            (EPSILON, ["epsilon=1e-07"], {}),
            (EPSILON, ["epsilon=1e-06"], {"loss": 4}),
            (EPSILON, ["clip=1e-07"], {"loss": 4}),
            (SLOPE, [], {"relu_prime": 0.4}),
            (SLOPE, ["slope_at_0=1"], {}),
            (SLOPE, ["slope_at_0=0.5"], {"relu_prime": 0.4}),
            (BOTH, ["epsilon=1e-07", "slope_at_0=1"], {}),
            (BOTH, ["epsilon=1e-07"], {"relu_prime": 0.4}),
            # With a mistake besides, that alone costs.
            (EPSILON.replace("y * logs) / n", "y * logs)"), ["epsilon=1e-07"], {"loss": 4}),
            (
                BOTH.replace("np.sum(delta, axis=0)", "np.mean(delta, axis=0)"),
                ["epsilon=1e-07", "slope_at_0=1"],
                {"backward": 17},
            ),
        ],
    )
    def test_what_is_declared(self, text, differences, lost, small_key_file, tmp_path):
        assert text != RIGHT
        declared = msgspec.structs.replace(SMALL, differences=tuple(differences))
        found = grade(text, declared, small_key_file, tmp_path)
        points = {name: each.max_points - each.points for name, each in found.functions.items()}
        assert {name: round(each, 1) for name, each in points.items() if each} == lost

    @needs_bubblewrap
    def test_a_counterexample_is_of_the_mistake(self, small_key_file, tmp_path):
        """The smallest network that is shown is none on which only what is declared shows."""
        text = self.SLOPE.replace("    d[z >= 0] = 1\n", "    d[z >= 0] = 1\n    d[z > 2] = 3\n")
        told = msgspec.structs.replace(SMALL, feedback="counterexamples", differences=("slope_at_0=1",))
        found = grade(text, told, small_key_file, tmp_path).functions["relu_prime"]
        z = np.array(json.loads(found.counterexample.inputs["z"]))
        assert (z > 2).any()

    def test_what_is_none(self):
        with pytest.raises(ValueError, match="differences: 'epsilon=2' is unknown"):
            Assignment(differences=("epsilon=2",))
        assert {"epsilon=1e-07", "clip=1e-12", "slope_at_0=1", "slope_at_0=0.5"} < set(DECLARED)


class TestFixedNetworks:
    """Widths and biases as an assignment has them, in every network that is asked about."""

    @pytest.mark.parametrize("any_slope", ["zero", "any"])
    @pytest.mark.parametrize("layers", [(), ("relu", "relu", "sigmoid"), ("tanh", "softmax"), ("sigmoid",)])
    @pytest.mark.parametrize("last", [1, 3])
    def test_all_networks(self, layers, last, any_slope):
        widths = (2, *(4 - i for i, _ in enumerate(layers[1:] or "a")), last) if len(layers) != 1 else (2, last)
        if layers[-1:] == ("softmax",) and last == 1:
            with pytest.raises(ValueError, match="of which a softmax is always 1"):
                Assignment(layers=layers, widths=widths)
            return
        losses = ("half_squared_error_mean",) if last == 1 or layers[-1:] != ("softmax",) else ("cross_entropy_mean",)
        assignment = Assignment(
            networks=80, layers=layers, widths=widths, biases=False, losses=losses, relu_prime_at_zero=any_slope
        )
        networks = draw_networks(assignment, random_stream(assignment)).networks
        assert {network.case.widths for network in networks} == {widths}
        assert not any(b.any() for network in networks for b in network.case.biases)
        assert len({network.edge for network in networks}) > 3

    @needs_bubblewrap
    @pytest.mark.parametrize("mode", ["bubblewrap", "none"])
    def test_two_layers_of_a_course(self, mode, key_of, tmp_path):
        """Two-layer network of tanh and sigmoid, in columns, without biases, that takes these alone."""
        assignment = Assignment(
            networks=40, layers=("tanh", "sigmoid"), widths=(3, 4, 1), biases=False, points=OF_NETWORKS,
            losses=("binary_cross_entropy_mean",), feedback="hints",
        )  # fmt: skip
        key = key_of(assignment)
        if mode == "none":
            write_key(make_key(assignment, purpose="practice"), key := tmp_path / "practice.key")
        found = grade(COLUMNS, assignment, key, tmp_path, OF_COLUMNS, mode)
        assert (found.score, found.max_score) == (17, 17)
        wrong = grade(
            COLUMNS.replace("delta2 @ a1.T", "delta2 @ a1.T / n"), assignment, key, tmp_path, OF_COLUMNS, mode
        )
        assert wrong.score == 7
        assert wrong.functions["backward"].checks[0].name == "weights, ordinary networks"
        assert not any("biases" in check.name for f in wrong.functions.values() for check in f.checks)


COLUMNS = """
import numpy as np

def forward(parameters, X):
    A1 = np.tanh(parameters["W1"] @ X)
    return A1, 1 / (1 + np.exp(-(parameters["W2"] @ A1)))

def backward(parameters, X, Y):
    assert parameters["W1"].shape == (4, 3)
    n = X.shape[1]
    a1, a2 = forward(parameters, X)
    delta2 = (a2 - Y) / n
    delta1 = parameters["W2"].T @ delta2 * (1 - a1**2)
    return {"dW1": delta1 @ X.T, "dW2": delta2 @ a1.T}

def update(parameters, grads, alpha):
    return {k: parameters[k] - alpha * grads["d" + k] for k in parameters}
"""

OF_COLUMNS = """
import submission
from backproof import adapters

CONVENTION = adapters.Convention(
    hidden=("tanh",), last=("sigmoid",), losses=("binary_cross_entropy_mean",), widths=(3, 4, 1), biases=False
)

def named(weights):
    return dict(zip(("W1", "W2"), weights))

@adapters.samples_in_columns
@adapters.without_biases
def forward(weights, x, activations):
    return [x, *submission.forward(named(weights), x)]

@adapters.samples_in_columns
@adapters.without_biases
def backward(weights, x, y, activations, loss):
    grads = submission.backward(named(weights), x, y)
    return [grads["dW1"], grads["dW2"]]

def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    grads = {"d" + name: dW for name, dW in named(grad_weights).items()}
    new = submission.update(named(weights), grads, learning_rate)
    return [new["W1"], new["W2"]], biases
"""

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
            found = grade(text, assignment, key_of(assignment), tmp_path, adapter)
            assert [check.cause for check in found.functions["backward"].checks if check.cause and points] == []
            assert (found.score == 10) == bool(points) or helper in ("per_sample", "row_by_row")

    def test_helpers_functions_of_its_own(self, small_key_file, tmp_path):
        """A sigmoid in an adapter with a CONVENTION is none that is graded, unless it says so."""
        adapter = "from backproof import adapters\nfrom submission import backward\n{}\ndef sigmoid(v):\n    return v\n"
        for convention, points in (("CONVENTION = adapters.Convention()", 6), ("", 0), ("__all__ = ['sigmoid']", 0)):
            found = grade(RIGHT, SMALL, small_key_file, tmp_path, adapter.format(convention))
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
        assert grade(text + RIGHT, SMALL, small_key_file, tmp_path).score == 100
        after = "from submission import *\nfrom backproof import adapters\n"
        if name != "backproof":
            assert grade(RIGHT, SMALL, small_key_file, tmp_path, after + text).score == 100

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
        assert grade(text, assignment, key_of(assignment), tmp_path, adapter).score == 11
        assert grade(text, assignment, key_of(assignment), tmp_path).score == 0

    def test_lines_are_the_students(self, small_key_file, tmp_path):
        """An error that passes through helpers is told with the line where it is in the submission."""
        text = RIGHT.replace("    dW = [None] * L\n", "    dW = [None] * L\n    1 / 0\n")
        line = 1 + text[: text.index("    1 / 0")].count("\n")
        adapter = f"{SHAPES}\nbackward = {HELPED['transposed']}\n"
        cause = grade(text, SMALL, small_key_file, tmp_path, adapter).functions["backward"].cause
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

    @pytest.mark.parametrize("text", ["1 / 0", "import submission\nsubmission.N + 1", "raise SystemExit", "def f(:"])
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


def test_edges_are_all_told():
    """With fixed widths, edges of widths alone are left out."""
    assignment = Assignment(networks=80, widths=(2, 3, 2))
    edges = {network.edge for network in draw_networks(assignment, random_stream(assignment)).networks}
    assert edges == {None, *EDGES} - {"one feature", "width 1", "one output"}
