"""`oracles.case`: a case fits together, has one dtype, and survives being written down."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from backproof.oracles.case import FUNCTION_OF_KIND, KINDS, Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.strategies import networks
from backproof.reference_impl.contract import FUNCTIONS


@pytest.fixture
def case() -> Case:
    """2 - 3 - 1, two samples."""
    return Case(
        weights=(np.ones((3, 2)), np.ones((1, 3))),
        biases=(np.zeros(3), np.zeros(1)),
        x=np.array([[1.0, 2.0], [0.5, -1.0]]),
        y=np.zeros((2, 1)),
        activations=("relu", "identity"),
        loss="half_squared_error_mean",
        learning_rate=0.5,
    )


def test_properties(case):
    """Sizes, dtype, scale and architecture are read off the arrays."""
    assert (case.depth, case.n, case.widths, case.size) == (2, 2, (2, 3, 1), 4 + 2 + 9 + 4)
    assert (case.dtype, case.loss_scale) == ("float64", 0.25)
    assert case.architecture == "2 -relu- 3 -identity- 1"


def test_quantities(case):
    """Every layer's output, the loss, every dW and db, every function, every array of a step, in this order."""
    assert list(map(str, case.quantities)) == [
        "output[0]", "output[1]", "output[2]", "loss", "dW[1]", "dW[2]", "db[1]", "db[2]",
        "sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax",
        "step_W[1]", "step_W[2]", "step_b[1]", "step_b[2]",
    ]  # fmt: skip


def test_every_function_is_asked():
    """Each function of the contract answers for some kind of quantity, and each kind belongs to one function."""
    assert set(KINDS) == set(FUNCTIONS)
    assert sorted(FUNCTION_OF_KIND) == sorted(kind for kinds in KINDS.values() for kind in kinds)


@given(networks())
def test_json_round_trip(case):
    """The same numbers come back, to the last bit, and small integers are written as such."""
    again = Case.from_json(case.to_json())
    for before, after in zip(
        (*case.weights, *case.biases, case.x), (*again.weights, *again.biases, again.x), strict=True
    ):
        assert before.tobytes() == np.where(after == 0, before, after).tobytes()  # -0.0 is written 0
    assert (again.activations, again.loss, again.learning_rate) == (case.activations, case.loss, case.learning_rate)


def test_json_is_short(case):
    """A small case reads easily."""
    assert '"x":[[1,2],[0.5,-1]]' in case.to_json()


def test_reference(case):
    """A drawn case is named, one written out in full is its own name."""
    assert draw_case(0, 3).reference() == "v3:kinks:0:3"
    assert case.reference() == case.to_json()


def test_cast(case):
    """All arrays are rounded, the rest stays; casting to the same dtype gives the case itself."""
    drawn = draw_case(0, 0)
    single = drawn.cast("float32")
    assert {array.dtype for array in (*single.weights, *single.biases, single.x, single.y)} == {np.dtype("float32")}
    assert (single.name, single.loss) == (drawn.name, drawn.loss)
    assert case.cast("float64") is case


def test_step_gradients(case):
    """Any gradients of the right shapes: here the weights' entries in reverse."""
    changed = replace(case, weights=(np.arange(6.0).reshape(3, 2), case.weights[1]))
    assert changed.step_gradients()[0][0].tolist() == [[5, 4], [3, 2], [1, 0]]
    assert [quantity for quantity, _, _ in changed.steps()] == [
        Quantity("step_W", 1), Quantity("step_W", 2), Quantity("step_b", 1), Quantity("step_b", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"biases": ()}, "as many biases and activations as weights"),
        ({"x": np.zeros(2)}, r"x has shape \(2,\); it should be \(samples, features\)"),
        ({"x": np.zeros((2, 3))}, r"weights of layer 1 have shape \(3, 2\); they should be \(neurons, 3\)"),
        ({"biases": (np.zeros(2), np.zeros(1))}, r"biases of layer 1 have shape \(2,\); they should be \(3,\)"),
        ({"y": np.zeros((2, 2))}, r"y has shape \(2, 2\); it should be \(2, 1\)"),
        ({"y": np.zeros((2, 1), np.float32)}, "all of one dtype"),
        ({"x": np.full((2, 2), np.nan)}, "the numbers of a case are finite"),
        ({"learning_rate": float("inf")}, "the numbers of a case are finite"),
        ({"activations": ("relu", "gelu")}, "unknown activation 'gelu'"),
        ({"activations": ("softmax", "identity")}, "softmax is an activation of the last layer only"),
        ({"loss": "mse"}, "unknown loss 'mse'"),
        ({"loss": "cross_entropy_mean"}, "does not go with a last layer of identity; it does with softmax"),
        (
            {"activations": ("relu", "sigmoid"), "loss": "binary_cross_entropy_sum", "y": np.full((2, 1), 2.0)},
            "lie between 0 and 1",
        ),
        ({"activations": ("relu", "softmax"), "loss": "cross_entropy_sum"}, "sum to 1 in every row"),
    ],
)
def test_parts_that_do_not_fit(case, change, message):
    """Each misfit is named in a sentence."""
    with pytest.raises(ValueError, match=message):
        replace(case, **change)


EMPTY = '{"weights":[],"biases":[],"x":[],"y":[],"activations":[],"loss":"","learning_rate":1}'


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"weights": 1}', "\ud800", EMPTY])
def test_not_a_case(text):
    """Text that is no case is refused in one way."""
    with pytest.raises(ValueError, match="this is not a case in JSON"):
        Case.from_json(text)


def test_ragged_json(case):
    """Rows of different lengths are refused too."""
    ragged = json.loads(case.to_json()) | {"x": [[1, 2], [3]]}
    with pytest.raises(ValueError, match="this is not a case in JSON"):
        Case.from_json(json.dumps(ragged))
