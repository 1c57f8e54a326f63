"""A course's own conventions: adapters with Backproof's helpers, fixed networks, and what is declared to be right."""

import json
import time

import msgspec
import numpy as np
import pytest

from backproof.grader.assignment import DECLARED, EDGES, Assignment, CouldNotGradeError
from backproof.grader.calls import arguments_for
from backproof.grader.checks import calls_of, judge_calls
from backproof.grader.declared import _explanations
from backproof.grader.key import write_key
from backproof.grader.key_making import make_key
from backproof.grader.networks import draw_networks, random_stream
from backproof.mistakes.catalogue import MISTAKES
from backproof.verification.explanations import NO_MISTAKES
from backproof.verification.implementation import as_implementation
from tests.grader.conftest import SMALL, grade_text, needs_bubblewrap
from tests.grader.students import RIGHT

OF_NETWORKS = msgspec.convert({"forward": 5, "backward": 10, "gradient_descent_step": 2}, type(SMALL.points))


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
        found = grade_text(text, declared, small_key_file, tmp_path)
        points = {name: each.max_points - each.points for name, each in found.functions.items()}
        assert {name: round(each, 1) for name, each in points.items() if each} == lost

    @needs_bubblewrap
    def test_a_counterexample_is_of_the_mistake(self, small_key_file, tmp_path):
        """The smallest network that is shown is none on which only what is declared shows."""
        text = self.SLOPE.replace("    d[z >= 0] = 1\n", "    d[z >= 0] = 1\n    d[z > 2] = 3\n")
        told = msgspec.structs.replace(SMALL, feedback="counterexamples", differences=("slope_at_0=1",))
        found = grade_text(text, told, small_key_file, tmp_path).functions["relu_prime"]
        z = np.array(json.loads(found.counterexample.inputs["z"]))
        assert (z > 2).any()

    @pytest.mark.long
    @pytest.mark.parametrize("differences", [("slope_at_0=1",), ("epsilon=1e-07",), ("clip=1e-07",)])
    def test_mistakes_are_not_forgiven(self, differences, small_key):
        """Of what is wrong nothing is forgiven for a difference that moves nothing there, or nobody knows how far."""
        declared = msgspec.structs.replace(SMALL, differences=differences)
        with np.errstate(all="ignore"):
            for name, mistake in MISTAKES.items():
                if name in NO_MISTAKES or mistake().remembers:
                    continue
                wrong = []
                for assignment in (SMALL, declared):
                    made = as_implementation(mistake())
                    results = {
                        call: made.call("backward", arguments_for(small_key, call))
                        for call in calls_of(assignment, small_key, "backward")
                    }
                    outcome = judge_calls(assignment, small_key, "backward", results)
                    records = outcome.records
                    wrong.append({(dtype, i) for dtype in SMALL.dtypes for i, r in enumerate(records[dtype]) if r})
                # On a network of zeros, or one where a clip is all that is left, a mistake may give just what is right.
                forgiven = {i for _, i in wrong[0] - wrong[1]}
                assert len(forgiven) <= 1, name
                assert all(small_key.networks[i].edge in ("zeros", "large values") for i in forgiven), name

    def test_any_number_of_them(self, small_key_file, tmp_path):
        """All that are usual may be declared at once."""
        names = [name for name in DECLARED if name.startswith(("epsilon=", "clip=", "slope"))]
        assert len(names) > 50
        few = tuple(names[::6])
        _explanations.cache_clear()
        begun = time.process_time()
        _explanations(few, "backward")
        assert time.process_time() - begun < 30
        assert len(_explanations(few, "loss")) < 200

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
        found = grade_text(COLUMNS, assignment, key, tmp_path, OF_COLUMNS, mode)
        assert (found.score, found.max_score) == (17, 17)
        wrong = grade_text(
            COLUMNS.replace("delta2 @ a1.T", "delta2 @ a1.T / n"), assignment, key, tmp_path, OF_COLUMNS, mode
        )
        assert wrong.score == 7
        assert wrong.functions["backward"].checks[0].name == "weights, ordinary networks"
        assert not any("biases" in check.name for f in wrong.functions.values() for check in f.checks)


@pytest.mark.parametrize(
    ("settings", "edge"),
    [
        ({"layers": ("relu", "sigmoid"), "widths": (2, 1, 1), "losses": ("binary_cross_entropy_mean",)}, "zeros"),
        (
            {"layers": ("relu", "sigmoid"), "widths": (1, 3, 1), "biases": False, "losses": ("squared_error_sum",)},
            "zeros",
        ),
        ({"layers": ("relu", "sigmoid"), "relu_prime_at_zero": "any", "losses": ("squared_error_sum",)}, "zeros"),
    ],
)
def test_where_there_are_none(settings, edge):
    """An edge that no network has is told, and nothing goes on without end."""
    assignment = Assignment(**settings)
    with pytest.raises(CouldNotGradeError, match=f"none is {edge}: take '{edge}' out of edges"):
        draw_networks(assignment, random_stream(assignment))
    others = tuple(name for name in EDGES if name != edge)
    assignment = Assignment(**settings, edges=others)
    assert len(draw_networks(assignment, random_stream(assignment)).networks) == assignment.networks


def test_networks_are_small():
    with pytest.raises(ValueError, match="widths: 2244 weights and biases are more than 1500"):
        Assignment(layers=("tanh", "sigmoid"), widths=(30, 64, 4))


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


def test_edges_are_all_told():
    """With fixed widths, edges of widths alone are left out."""
    assignment = Assignment(networks=80, widths=(2, 3, 2))
    edges = {network.edge for network in draw_networks(assignment, random_stream(assignment)).networks}
    assert edges == {None, *EDGES} - {"one feature", "width 1", "one output"}
