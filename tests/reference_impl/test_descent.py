"""`reference_impl.descent`: one step by hand, and the notes' table learnt."""

import numpy as np
import pytest

from backproof import reference_impl


def test_step_by_hand():
    """N10, with new arrays and the dtype kept."""
    weights, biases = [np.array([[1.0, 2.0]], np.float32)], [np.array([3.0], np.float32)]
    gradients = [np.array([[4.0, -2.0]], np.float32)], [np.array([8.0], np.float32)]
    new_weights, new_biases = reference_impl.gradient_descent_step(weights, biases, *gradients, 0.25)
    assert (new_weights[0].tolist(), new_biases[0].tolist()) == ([[0.0, 2.5]], [1.0])
    assert {new_weights[0].dtype, new_biases[0].dtype} == {np.dtype("float32")}
    assert weights[0].tolist() == [[1.0, 2.0]]


def test_lists_that_do_not_fit():
    """A gradient too few or too many is refused, not left out."""
    W, b = np.ones((1, 1)), np.ones(1)
    with pytest.raises(ValueError, match="zip"):
        reference_impl.gradient_descent_step([W], [b], [W, W], [b], 0.5)
    with pytest.raises(ValueError, match="zip"):
        reference_impl.gradient_descent_step([W], [b, b], [W], [b], 0.5)


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_descent_is_its_steps(steps):
    """Losses before, between and after the steps, as Python floats; lists of new arrays, whatever was given."""
    rng = np.random.default_rng(0)
    weights = tuple(rng.standard_normal(shape).astype(np.float32) for shape in [(4, 2), (3, 4)])
    biases = tuple(rng.standard_normal(k).astype(np.float32) for k in (4, 3))
    x, y = rng.standard_normal((5, 2)).astype(np.float32), np.eye(3, dtype=np.float32)[[0, 1, 2, 1, 0]]
    network, loss = (x, y, ["tanh", "softmax"]), "cross_entropy_mean"
    found = reference_impl.descent(weights, biases, *network, loss, learning_rate=0.5, steps=steps)
    losses = []
    for step in range(steps + 1):
        losses.append(float(reference_impl.loss(reference_impl.forward(weights, biases, x, network[2])[-1], y, loss)))
        if step < steps:
            gradients = reference_impl.backward(weights, biases, *network, loss)
            weights, biases = reference_impl.gradient_descent_step(weights, biases, *gradients, 0.5)
    assert [type(part) for part in found] == [list] * 3
    assert found[2] == losses
    assert {type(each) for each in found[2]} == {float}
    assert [W.tolist() for W in found[0]] == [W.tolist() for W in weights]
    assert [b.tolist() for b in found[1]] == [b.tolist() for b in biases]


def test_table_is_drawn():
    """Lengths and widths in [0, 1), as many as are asked for, and their products; others from another seed."""
    x, y = reference_impl.table(5, seed=3)
    assert (x.shape, y.shape, x.min() >= 0, x.max() < 1) == ((5, 2), (5, 1), True, True)
    assert y[:, 0].tolist() == [length * width for length, width in x]
    assert x.tolist() == np.random.default_rng(3).random((5, 2)).tolist()
    assert reference_impl.table(2)[0].tolist() == np.random.default_rng(0).random((2, 2)).tolist()


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
