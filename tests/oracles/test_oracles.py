"""The oracles: by hand, against each other, at the edges; and what keeps the frameworks' own functions out of them."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from backproof.oracles import jax_oracle
from backproof.oracles.bounds import JAX, NUMPY, TORCH, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.jax_functions import enable_x64
from backproof.oracles.profiles import DRAWN
from backproof.oracles.registry import ORACLES, load_oracle


@pytest.fixture(params=list(ORACLES), scope="module")
def oracle(request):
    """Each oracle in turn."""
    return load_oracle(request.param)


def test_by_hand(oracle):
    """x = 2, W1 = [1, -1]^T, b1 = [1, 0], ReLU, W2 = [2, 3], b2 = 1, y = 5, half squared error, step 1/2."""
    case = Case(
        weights=(np.array([[1.0], [-1.0]]), np.array([[2.0, 3.0]])),
        biases=(np.array([1.0, 0.0]), np.array([1.0])),
        x=np.array([[2.0]]),
        y=np.array([[5.0]]),
        activations=("relu", "identity"),
        loss="half_squared_error_mean",
        learning_rate=0.5,
    )
    (answer,) = oracle.answers([case])
    expected = {
        "output[0]": [[2]], "output[1]": [[3, 0]], "output[2]": [[7]], "loss": 2,
        "dW[1]": [[8], [0]], "dW[2]": [[6, 0]], "db[1]": [4, 0], "db[2]": [2],
        "relu": [[2]], "relu_prime": [[1]], "softmax": [[1]],
        "step_W[1]": [[1.5], [-1.5]], "step_W[2]": [[0.5, 2]], "step_b[1]": [1, -0.5], "step_b[2]": [0.5],
    }  # fmt: skip
    assert {str(q): value.tolist() for q, value in answer.items() if str(q) in expected} == expected
    assert answer[Quantity("sigmoid")] == pytest.approx(0.8807970779778823, rel=1e-15)
    assert answer[Quantity("tanh_prime")] == pytest.approx(0.07065082485316443, rel=1e-14)


def test_relu_at_zero(oracle):
    """Exactly at the kink the derivative is 0, in single functions and in networks."""
    case = Case(
        (np.zeros((1, 1)),), (np.zeros(1),), np.zeros((1, 1)), np.ones((1, 1)), ("relu",), "squared_error_sum", 0.5
    )
    (answer,) = oracle.answers([case])
    assert answer[Quantity("relu_prime")].item() == 0
    assert answer[Quantity("db", 1)].item() == 0


@pytest.mark.parametrize("profile", DRAWN)
def test_oracles_agree(profile, torch_oracle, jax_oracle, complex_step_oracle):
    """On every profile, within their own bounds: three ways to differentiate, three sets of elementary functions."""
    cases = [draw_case(11, i, profile) for i in range(40)]
    answers = [oracle.answers(cases) for oracle in (torch_oracle, jax_oracle, complex_step_oracle)]
    found = bounds(cases, [TORCH["float64"], JAX["float64"], NUMPY["float64"]])
    for case, by_torch, by_jax, by_step, allowed in zip(cases, *answers, found, strict=True):
        for one, other, i, j in ((by_torch, by_jax, 0, 1), (by_torch, by_step, 0, 2), (by_jax, by_step, 1, 2)):
            for quantity in case.quantities:
                limit = allowed.allowances[i][quantity] + allowed.allowances[j][quantity]
                assert one[quantity].dtype == other[quantity].dtype == np.float64
                assert one[quantity].shape == other[quantity].shape == limit.shape
                checked = np.isfinite(limit)
                error = np.abs(np.asarray(one[quantity]) - other[quantity])
                assert (error[checked] <= limit[checked]).all(), (case, quantity)


@pytest.mark.parametrize(
    ("depth", "width", "n"),
    [(1, 1, 1), (1, 64, 1), (8, 1, 1), (1, 1, 32), (8, 64, 32), (4, 8, 8), (5, 9, 9), (9, 3, 2), (2, 65, 33)],
)
def test_padding_changes_nothing(depth, width, n, torch_oracle, jax_oracle):
    """At the edges of the padded shapes, and past the last one, JAX still answers for the network alone."""
    rng = np.random.default_rng(depth)
    case = Case(
        weights=tuple(rng.standard_normal((width, width)) / width**0.5 for _ in range(depth)),
        biases=tuple(rng.standard_normal(width) for _ in range(depth)),
        x=rng.standard_normal((n, width)),
        y=np.eye(width)[rng.integers(width, size=n)],
        activations=(*(["sigmoid", "relu", "tanh", "identity"] * 3)[: depth - 1], "softmax"),
        loss="cross_entropy_mean",
        learning_rate=0.5,
    )
    alone, among = jax_oracle.answers([case])[0], jax_oracle.answers([draw_case(0, 0), case, draw_case(0, 1)])[1]
    (expected,) = torch_oracle.answers([case])
    (found,) = bounds([case], [TORCH["float64"], JAX["float64"]])
    for quantity in case.quantities:
        limit = found.allowances[0][quantity] + found.allowances[1][quantity]
        assert (np.abs(alone[quantity] - expected[quantity]) <= limit).all(), quantity
        assert (np.abs(among[quantity] - expected[quantity]) <= limit).all(), quantity


def test_jax_refuses_without_float64(monkeypatch):
    """Told to do without 64-bit floats, JAX is no oracle; the message says how to help it."""
    monkeypatch.setenv("JAX_ENABLE_X64", "0")
    with pytest.raises(RuntimeError, match=r"JAX_ENABLE_X64 is '0'.*unset it, or set it to 1"):
        load_oracle("jax")


def test_jax_precision_is_left_alone(jax_oracle):
    """What uses JAX beside the oracle keeps the precision that it had."""
    import jax.numpy as jnp

    jax_oracle.answers([draw_case(0, 4)])
    assert jnp.zeros(1).dtype == jnp.float32


def test_complex_step_needs_wide_floats(monkeypatch):
    """Where a long double is a double, the oracle says so."""
    monkeypatch.setattr(np, "longdouble", np.float64)
    with pytest.raises(RuntimeError, match="needs a long double wider than float64"):
        load_oracle("complex-step")


def test_complex_step_refuses_wide_layers(complex_step_oracle):
    """Its bounds are argued for up to 256 neurons."""
    x = np.ones((1, 257))
    case = Case((np.ones((1, 257)),), (np.zeros(1),), x, np.ones((1, 1)), ("identity",), "squared_error_sum", 0.5)
    with pytest.raises(ValueError, match="layers of up to 256 neurons"):
        complex_step_oracle.answers([case])


def test_certain_softmax_is_silent(oracle):
    """A prediction that rounds to 1 under the binary cross-entropy raises no warning, which would be an error here."""
    one = np.ones((1, 1))
    case = Case(
        (np.array([[300.0], [-300.0]]),), (np.zeros(2),), one, np.array([[1.0, 0.0]]), ("softmax",),
        "binary_cross_entropy_sum", 1.0,
    )  # fmt: skip
    assert oracle.answers([case])[0][Quantity("output", 1)][0, 0] == 1


def test_unknown_oracle():
    with pytest.raises(ValueError, match="unknown oracle 'tensorflow'; there are torch, jax, complex-step, certified"):
        load_oracle("tensorflow")


class TestWhyNotTheFrameworksOwnFunctions:
    """The differences that keep some functions out of the oracles; one that no longer holds fails here."""

    def test_torch_clamps_logarithms(self):
        """torch.nn.functional.binary_cross_entropy takes log 0 as -100, and its gradient there as -1e12."""
        p = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        loss = functional.binary_cross_entropy(p, torch.ones(1, dtype=torch.float64))
        loss.backward()
        assert (loss.item(), p.grad.item()) == (100.0, pytest.approx(-1e12))

    def test_torch_cancels_in_small_losses(self):
        """binary_cross_entropy_with_logits(-30, 0) is log(1 + e^-30) = 9.357622968839735e-14, and 0.4 % off."""
        z = torch.full((1,), -30.0, dtype=torch.float64)
        loss = functional.binary_cross_entropy_with_logits(z, torch.zeros(1, dtype=torch.float64)).item()
        assert 1e-3 < abs(loss / np.log1p(np.exp(-30.0)) - 1) < 1e-1
        accurate = -functional.logsigmoid(-z).item()
        assert accurate == pytest.approx(np.log1p(np.exp(-30.0)), rel=1e-15)

    def test_torch_softplus_is_linear_from_20(self):
        """torch.nn.functional.softplus drops e^-z above its threshold of 20."""
        z = torch.tensor([20.5], dtype=torch.float64)
        assert functional.softplus(z).item() == 20.5
        assert np.logaddexp(0, 20.5) > 20.5

    def test_jax_softplus_gradient(self):
        """The gradient of jax.nn.softplus is off by tens of roundoffs; the oracle's own form is not."""
        import jax

        with enable_x64(True):
            z = np.random.default_rng(0).uniform(20, 40, 2000)
            own, theirs = (
                np.asarray(jax.vmap(jax.grad(softplus))(z)) for softplus in (jax_oracle._softplus, jax.nn.softplus)
            )
        exact = 1 / (1 + np.exp(-z.astype(np.longdouble)))
        u = 2.0**-53
        assert np.abs(own - exact).max() < 2 * u
        assert np.abs(theirs - exact).max() > 10 * u

    def test_jax_absolute_value_at_zero(self):
        """The gradient of jnp.abs at 0 is 1, torch's is 0: log(1 + e^-|z|) would have a wrong gradient at 0."""
        import jax
        import jax.numpy as jnp

        z = torch.zeros(1, requires_grad=True)
        torch.abs(z).sum().backward()
        assert (float(jax.grad(jnp.abs)(0.0)), z.grad.item()) == (1.0, 0.0)

    def test_xla_flushes_subnormals(self):
        """e^-740 is 4e-322 in NumPy and torch, and 0 in XLA on a CPU: an operation's absolute error in the bounds."""
        import jax
        import jax.numpy as jnp

        with enable_x64(True):
            assert float(jax.jit(jnp.exp)(-740.0)) == 0
        assert torch.exp(torch.tensor(-740.0, dtype=torch.float64)).item() == np.exp(-740.0) > 0
