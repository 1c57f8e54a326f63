"""`oracles.torch_practice` and `oracles.jax_practice`: what the frameworks compute when people call them."""

import itertools

import jax
import numpy as np
import pytest

from backproof.oracles import jax_practice, torch_practice
from backproof.oracles.draw import draw_case
from backproof.reference_impl import backward, gradient_descent_step

PRACTICES = {"torch": torch_practice, "jax": jax_practice}


@pytest.mark.parametrize("name", PRACTICES)
def test_relu_slopes(name):
    """0 below and 1 above, whatever the way to write it; at 0 all of 0, 1/2 and 1 occur."""
    slopes = PRACTICES[name].relu_slopes(np.array([-2.0, 0.0, 2.0]))
    assert {(below, above) for below, _, above in slopes.values()} == {(0.0, 1.0)}
    assert {at for _, at, _ in slopes.values()} == {0.0, 0.5, 1.0}
    assert slopes["torch.relu(z)" if name == "torch" else "jax.nn.relu(z)"][1] == 0


@pytest.mark.parametrize("name", PRACTICES)
def test_squared_errors(name):
    """Each is proportional to p - y, by a factor of its own convention."""
    p, y = np.random.default_rng(0).standard_normal((2, 2, 3))
    gradients = PRACTICES[name].squared_error_gradients(p, y)
    factors = {call: gradient[0, 0] / (p - y)[0, 0] for call, gradient in gradients.items()}
    assert all(np.allclose(gradients[call], factor * (p - y), rtol=1e-14) for call, factor in factors.items())
    assert {float(np.round(factor, 12)) for factor in factors.values()} == {
        2.0,
        1.0,
        0.5,
        *np.round([1 / 3, 1 / 6], 12),
    }


@pytest.mark.parametrize("name", PRACTICES)
def test_descent(name):
    """A start and so many steps, each along the gradient; JAX's precision is as before."""
    cases = (draw_case(0, i, "ordinary") for i in range(100))
    case = next(case for case in cases if case.loss_parts.kind == "squared_error" and case.activations[-1] == "tanh")
    before = jax.config.jax_enable_x64
    found = PRACTICES[name].descent(case, 3)
    assert jax.config.jax_enable_x64 == before
    assert len(found) == 4
    assert all(np.array_equal(a, b) for a, b in zip(found[0][0], case.weights, strict=True))
    for (weights, biases), after in itertools.pairwise(found):
        gradients = backward(weights, biases, case.x, case.y, case.activations, case.loss)
        expected = gradient_descent_step(weights, biases, *gradients, case.learning_rate)
        for got, wanted in zip((*after[0], *after[1]), (*expected[0], *expected[1]), strict=True):
            assert got.dtype == np.float64
            assert np.allclose(got, wanted, rtol=1e-12, atol=1e-14)
