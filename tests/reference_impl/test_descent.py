"""`reference_impl.descent`: one step by hand, and the notes' table learnt."""

import numpy as np
import pytest

import reference_impl


def test_step_by_hand():
    """N10, with new arrays and the dtype kept."""
    weights, biases = [np.array([[1.0, 2.0]], np.float32)], [np.array([3.0], np.float32)]
    gradients = [np.array([[4.0, -2.0]], np.float32)], [np.array([8.0], np.float32)]
    new_weights, new_biases = reference_impl.gradient_descent_step(weights, biases, *gradients, 0.25)
    assert (new_weights[0].tolist(), new_biases[0].tolist()) == ([[0.0, 2.5]], [1.0])
    assert {new_weights[0].dtype, new_biases[0].dtype} == {np.dtype("float32")}
    assert weights[0].tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
def test_table_is_learnt(activation):
    """One hidden layer learns area from length and width to a hundredth of the labels' spread."""
    x, y = reference_impl.table(64)
    assert (y == x[:, :1] * x[:, 1:]).all()
    rng = np.random.default_rng(1)
    weights = [rng.standard_normal((8, 2)), rng.standard_normal((1, 8)) * 0.3]
    biases = [np.zeros(8), np.zeros(1)]
    *_, losses = reference_impl.descent(weights, biases, x, y, [activation, "identity"], learning_rate=1.0, steps=10000)
    assert losses[-1] < 0.01 * y.var() / 2
    assert len(losses) == 10001


def test_linear_network_does_not_learn_the_table():
    """Without an activation nothing beats the best affine fit (N18), which descent does reach."""
    x, y = reference_impl.table(64)
    design = np.hstack([x, np.ones((64, 1))])
    residual = design @ np.linalg.lstsq(design, y, rcond=None)[0] - y
    best = (residual**2).mean() / 2
    rng = np.random.default_rng(1)
    weights, biases = [rng.standard_normal((8, 2)), rng.standard_normal((1, 8)) * 0.3], [np.zeros(8), np.zeros(1)]
    *_, losses = reference_impl.descent(weights, biases, x, y, ["identity", "identity"], learning_rate=0.1, steps=4000)
    assert best * (1 - 1e-9) <= losses[-1] < best * 1.001


def test_descent_changes_nothing_it_is_given():
    """The starting weights and biases stay as they are."""
    x, y = reference_impl.table(4)
    weights, biases = [np.ones((1, 2))], [np.zeros(1)]
    trained, _, losses = reference_impl.descent(weights, biases, x, y, ["identity"], learning_rate=0.1, steps=3)
    assert weights[0].tolist() == [[1.0, 1.0]]
    assert trained[0].tolist() != [[1.0, 1.0]]
    assert losses == sorted(losses, reverse=True)
