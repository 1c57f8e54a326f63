"""`reference_impl.as_printed`: the formulas to the letter, wrong ones included, by hand."""

import ast
from pathlib import Path

import numpy as np
import pytest

from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import COUNTS, STATEMENTS, corrections, losses, readings
from backproof.verification.implementation import as_implementation

# One layer of two neurons that receives two numbers, for one sample: dL/dx, x, and what is received.
DX, X, RECEIVED = np.array([16.0, 32.0]), np.array([0.5, 0.25]), np.array([3.0, 5.0])
W = np.array([[1.0, 2.0], [4.0, 8.0]])
DELTA = [4.0, 6.0]


def test_imports_numpy_and_the_contract_alone():
    """Nothing of what it is compared with."""
    tree = ast.parse(Path(as_printed.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {
        "__future__",
        "collections.abc",
        "functools",
        "typing",
        "numpy",
        "backproof.reference_impl.contract",
    }


def test_statements():
    """Eighteen, in the notes' order."""
    assert list(STATEMENTS) == [f"N{i}" for i in range(1, 19)]


def test_neuron_and_layer():
    """w · x + b for one sample and for a row of them, neuron after neuron."""
    assert as_printed.neuron(W[0], 1.0, RECEIVED) == 14
    assert as_printed.layer(W, np.array([1.0, 2.0]), RECEIVED, lambda z: -z).tolist() == [-14, -54]
    assert as_printed.layer(W, np.zeros(2), np.eye(2), lambda z: z).tolist() == W.T.tolist()


def test_relu():
    """Both forms, and a derivative that has no value at 0 unless a reading gives one."""
    z = np.array([-2.0, 0.0, 3.0])
    assert [formula(z).tolist() for formula in readings()["N5"].values()] == [[0, 0, 3]] * 2
    assert np.isnan(as_printed.relu_prime(z)).tolist() == [False, True, False]
    assert [formula(z).tolist() for formula in readings()["N6"].values()] == [[0, 0, 1], [0, 0.5, 1], [0, 1, 1]]


def test_softmax_has_no_exponential():
    """The correction has."""
    x = np.array([[1.0, 2.0, 3.0]])
    assert as_printed.softmax(x).tolist() == [[1 / 6, 1 / 3, 1 / 2]]
    assert np.allclose(corrections()["N8"][1](x), np.exp(x) / np.exp(x).sum(), rtol=1e-15)


def test_weight_gradient():
    """One index is a row of one number, or the diagonal; two indices are all products."""
    found = [formula(DX, X, RECEIVED).tolist() for formula in readings()["N12"].values()]
    assert found == [[[12, 12], [30, 30]], [[12, 0], [0, 30]]]
    _, correct = corrections()["N12"]
    assert correct(DX[None], X[None], RECEIVED[None]).tolist() == [[12, 20], [18, 30]]


def test_bias_gradient():
    """One sample's, and the sum over samples."""
    assert as_printed.bias_gradient(DX, X).tolist() == DELTA
    _, correct = corrections()["N13"]
    assert correct(np.stack([DX, DX]), np.stack([X, X])).tolist() == [8, 12]


def test_input_gradient():
    """One index is the diagonal; two indices are a sum."""
    (printed,) = readings()["N14"].values()
    assert printed(DX, X, W).tolist() == [4 * 1, 6 * 8]
    assert corrections()["N14"][1](DX, X, W).tolist() == [4 * 1 + 6 * 4, 4 * 2 + 6 * 8]


def test_what_the_index_does_not_reach():
    """It is NaN, not an error and not 0."""
    rows, diagonal = (formula(DX, X, RECEIVED[:1]) for formula in readings()["N12"].values())
    assert np.isnan(rows).tolist() == [[False], [True]]
    assert diagonal.tolist() == [[12], [0]]
    (printed,) = readings()["N14"].values()
    assert np.isnan(printed(DX[:1], X[:1], W[:1])).tolist() == [False, True]


def test_output_gradient_and_losses():
    """n counts samples, outputs or both; L carries 1/n or 1/(2n)."""
    p, y = np.full((2, 3), 3.0), np.ones((2, 3))
    assert [formula(p, y)[0, 0] for formula in readings()["N15"].values()] == [2 / n for n in (2, 3, 6)]
    assert corrections()["N15"][1](p, y)[0, 0] == 2
    assert {reading: L(p, y) for reading, L in losses().items()} == {
        (factor, count): 24 * share / n
        for factor, share in (("1/n", 1), ("1/(2n)", 0.5))
        for count, n in zip(COUNTS, (2, 3, 6), strict=True)
    }


def test_induction():
    """From the last output to the input, sample by sample."""
    weights, y = [W, np.array([[1.0, 2.0]])], np.zeros((2, 1))
    outputs = as_printed.sigmoid_layers(weights, [np.zeros(2), np.zeros(1)], np.zeros((2, 2)))
    correct = readings()["N16"]["N15 and N14 are the corrected ones"](weights, outputs, y)
    assert [gradient.shape for gradient in correct] == [(2, 2), (2, 2), (2, 1)]
    p = outputs[-1]
    delta = p * p * (1 - p)
    assert np.allclose(correct[1], delta * [[1, 2]], rtol=1e-15)
    assert np.allclose(correct[0], (delta * [[1, 2]] / 4) @ W, rtol=1e-15)


def test_collapse():
    """Two layers are one: W_2 W_1 and W_2 b_1 + b_2."""
    weights, biases = as_printed.collapse([W, np.array([[1.0, 1.0]])], [np.array([1.0, 2.0]), np.array([3.0])])
    assert (weights.tolist(), biases.tolist()) == ([[5, 10]], [6])


def test_an_implementation_as_far_as_the_notes_go():
    """The contract's functions, without those that the notes have no formula for."""
    assert as_implementation(as_printed).missing == ("tanh", "tanh_prime", "loss")
    step = as_printed.gradient_descent_step([W], [DX], [W], [DX], 0.5)
    assert [part[0].tolist() for part in step] == [(W / 2).tolist(), (DX / 2).tolist()]
    x, y = np.zeros((1, 2)), np.zeros((1, 2))
    dW, db = as_printed.backward([W], [np.zeros(2)], x, y, ["sigmoid"], "half_squared_error_mean")
    assert (dW[0].tolist(), db[0].tolist()) == ([[0, 0], [0, 0]], [0.125, 0.125])


@pytest.mark.parametrize(
    ("samples", "activation", "loss", "reason"),
    [
        (2, "sigmoid", "squared_error_mean", "one sample"),
        (1, "relu", "squared_error_mean", "sigmoids alone"),
        (1, "sigmoid", "binary_cross_entropy_mean", "squared errors alone"),
    ],
)
def test_what_the_notes_do_not_print(samples, activation, loss, reason):
    """It is not implemented, which is neither right nor wrong."""
    x = np.zeros((samples, 2))
    with pytest.raises(NotImplementedError, match=reason):
        as_printed.backward([W], [np.zeros(2)], x, x, [activation], loss)
