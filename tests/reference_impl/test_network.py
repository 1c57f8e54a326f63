"""`reference_impl.network`: one network by hand; shapes; what backpropagation through a softmax must be."""

import inspect
import itertools
import sys

import numpy as np
import pytest

from backproof import reference_impl
from backproof.reference_impl import network
from backproof.reference_impl.contract import FUNCTIONS, LOSSES, OUTPUT_ACTIVATIONS, Implementation, find_loss
from backproof.reference_impl.losses import loss_gradient


def test_by_hand():
    """x = 2, W1 = [1, -1]^T, b1 = [1, 0], ReLU, W2 = [2, 3], b2 = 1, y = 5, half squared error."""
    weights = [np.array([[1.0], [-1.0]]), np.array([[2.0, 3.0]])]
    biases = [np.array([1.0, 0.0]), np.array([1.0])]
    x, y, activations = np.array([[2.0]]), np.array([[5.0]]), ["relu", "identity"]
    outputs = reference_impl.forward(weights, biases, x, activations)
    assert [output.tolist() for output in outputs] == [[[2.0]], [[3.0, 0.0]], [[7.0]]]
    dW, db = reference_impl.backward(weights, biases, x, y, activations, "half_squared_error_mean")
    assert [g.tolist() for g in dW] == [[[8.0], [0.0]], [[6.0, 0.0]]]
    assert [g.tolist() for g in db] == [[4.0, 0.0], [2.0]]


def test_lists_that_do_not_fit():
    """A layer without a bias or an activation is refused, not left out."""
    W, b = np.ones((1, 1)), np.ones(1)
    with pytest.raises(ValueError, match="zip"):
        reference_impl.forward([W], [b], W, ["relu", "relu"])
    with pytest.raises(ValueError, match="zip"):
        reference_impl.forward([W, W], [b], W, ["relu", "relu"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_and_dtypes(dtype):
    """Gradients are shaped as their parameters, and everything keeps the dtype."""
    rng = np.random.default_rng(0)
    widths = [3, 4, 1, 2]
    weights = [rng.standard_normal((k, received)).astype(dtype) for received, k in itertools.pairwise(widths)]
    biases = [rng.standard_normal(k).astype(dtype) for k in widths[1:]]
    x, y = rng.standard_normal((5, 3)).astype(dtype), np.eye(2, dtype=dtype)[[0, 1, 0, 1, 1]]
    for loss, parts in LOSSES.items():
        for output in OUTPUT_ACTIVATIONS[parts.kind]:
            activations = ["tanh", "relu", output]
            outputs = reference_impl.forward(weights, biases, x, activations)
            gradients = reference_impl.backward(weights, biases, x, y, activations, loss)
            assert [o.shape for o in outputs] == [(5, k) for k in widths]
            for parameters, found in zip((weights, biases), gradients, strict=True):
                assert [g.shape for g in found] == [p.shape for p in parameters]
                assert {g.dtype for g in found} | {o.dtype for o in outputs} == {np.dtype(dtype)}


@pytest.mark.parametrize("loss", LOSSES)
def test_softmax_under_any_loss(loss):
    """delta is the full Jacobian times dL/da: p - y for the cross-entropy, and nothing as simple for the others."""
    z = np.array([[0.5, -1.0, 2.0], [0.0, 0.25, -0.5]])
    y = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    a = reference_impl.softmax(z)
    expected = np.einsum("njl,nl->nj", reference_impl.softmax_jacobian(z), loss_gradient(a, y, loss))
    delta = network.output_delta(a, y, "softmax", loss)
    assert np.allclose(delta, expected, rtol=1e-13, atol=1e-16)
    if find_loss(loss).kind == "cross_entropy":
        assert np.allclose(delta, find_loss(loss).scale(2, 3) * (a - y), rtol=1e-13, atol=1e-16)


def test_confident_sigmoid():
    """Where a(1 - a) is 0 in floating point the binary cross-entropy's gradient is still c(a - y)."""
    weights, biases, x = [np.array([[1.0]])], [np.zeros(1)], np.array([[1000.0]])
    dW, _ = reference_impl.backward(weights, biases, x, np.zeros((1, 1)), ["sigmoid"], "binary_cross_entropy_mean")
    assert dW[0].tolist() == [[1000.0]]


def test_unknown_names():
    """Unknown activations and losses are refused."""
    weights, biases, x = [np.ones((1, 1))], [np.zeros(1)], np.ones((1, 1))
    with pytest.raises(KeyError, match="gelu"):
        reference_impl.forward(weights, biases, x, ["gelu"])
    with pytest.raises(ValueError, match="unknown loss 'mse'"):
        reference_impl.backward(weights, biases, x, x, ["relu"], "mse")


def _calls(width: int, n: int) -> int:
    """How many functions, Python's and C's, one backward pass calls."""
    rng = np.random.default_rng(0)
    weights, biases = [rng.standard_normal((width, width)) for _ in range(3)], [np.zeros(width)] * 3
    x, calls = rng.standard_normal((n, width)), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        reference_impl.backward(weights, biases, x, x, ["sigmoid", "relu", "softmax"], "squared_error_mean")
    finally:
        sys.setprofile(None)
    return calls


def test_no_loop_over_samples_or_neurons():
    """A hundred times as many samples and fifty times as many neurons take no more calls."""
    assert _calls(width=2, n=2) == _calls(width=100, n=200)


def test_contract():
    """The reference implementation has every function of the contract, with the contract's parameters."""
    for name in FUNCTIONS:
        expected = list(inspect.signature(getattr(Implementation, name)).parameters)[1:]
        assert list(inspect.signature(getattr(reference_impl, name)).parameters) == expected
