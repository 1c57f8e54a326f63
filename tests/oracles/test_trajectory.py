"""`oracles.trajectory`: the exact path, and a bound that honest training keeps and other training does not."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from flint import arb, ctx

from backproof.oracles.bounds import NUMPY
from backproof.oracles.case import Case
from backproof.oracles.draw import draw_case
from backproof.oracles.trajectory import BITS, Network, Run, follow
from backproof.reference_impl.descent import descent

STEPS = 12


def start(activations, widths=(2, 3, 2), learning_rate=0.5, n=4, seed=0):
    """A small network, of numbers that float32 holds exactly."""
    rng = np.random.default_rng(seed)
    case = Case(
        weights=tuple(rng.standard_normal((k, received)) for received, k in itertools.pairwise(widths)),
        biases=tuple(rng.standard_normal(k) for k in widths[1:]),
        x=rng.standard_normal((n, widths[0])),
        y=rng.random((n, widths[-1])),
        activations=activations,
        loss="half_squared_error_mean",
        learning_rate=learning_rate,
    )
    return case.cast("float32").cast("float64")


def train(case, steps=STEPS, learning_rate=None):
    """Descent by the reference implementation, in the case's dtype."""
    found = [(list(case.weights), list(case.biases))]
    for _ in range(steps):
        weights, biases, _ = descent(
            *found[-1], case.x, case.y, case.activations, case.loss,
            learning_rate=case.learning_rate if learning_rate is None else learning_rate, steps=1,
        )  # fmt: skip
        found.append((weights, biases))
    return found


def ratios(followed):
    """Error / allowed for every step and parameter."""
    with np.errstate(invalid="ignore"):
        return np.where(followed.error == 0, 0.0, followed.error / followed.allowed)


KINDS = [("sigmoid", "sigmoid"), ("tanh", "identity"), ("relu", "identity"), ("identity", "tanh")]


@pytest.mark.parametrize("activations", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_honest_training_stays_within_the_bound(activations, dtype):
    """After every step, in either precision, and the bound is no wider than a few hundred roundings."""
    case = start(activations)
    followed = follow(case, {"own": Run(train(case.cast(dtype)), NUMPY[dtype])})["own"]
    u = NUMPY[dtype].unit_roundoff
    assert followed.error.shape == (STEPS + 1, 3 * 3 + 4 * 2)
    assert followed.error[0].max() == followed.allowed[0].max() == 0
    assert 0 < np.max(ratios(followed)[1:]) <= 1
    assert followed.allowed.max() < 2000 * u


@pytest.mark.parametrize("activations", KINDS)
def test_the_slightest_mistake_is_seen(activations):
    """A learning rate off by 1e-12, and float32 in a float64 training."""
    case = start(activations)
    runs = {
        "rate": Run(train(case, learning_rate=case.learning_rate * (1 + 1e-12)), NUMPY["float64"]),
        "float32": Run(train(case.cast("float32")), NUMPY["float64"]),
    }
    for followed in follow(case, runs).values():
        assert np.nanmax(ratios(followed)[1]) > 10


def test_exact_where_arithmetic_is():
    """Integers through linear layers, at a rate of 1/2: the exact path is what float64 computes."""
    case = replace(
        start(("identity", "identity"), n=1),
        weights=(np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]]), np.ones((2, 3))),
        biases=(np.zeros(3), np.zeros(2)),
        x=np.array([[1.0, 0.0]]),
        y=np.array([[2.0, 4.0]]),
    )
    followed = follow(case, {"own": Run(train(case, steps=2), NUMPY["float64"])})["own"]
    assert not followed.error.any()


@pytest.mark.parametrize("activations", [*KINDS, ("tanh", "sigmoid", "relu")])
def test_second_derivatives(activations):
    """The Hessian is the gradient's difference quotient, in 192 bits."""
    case = start(activations, widths=(2, 3, *(2,) * (len(activations) - 1)))
    network, h = Network(case), 1e-15
    with ctx.workprec(BITS):
        parts = zip(case.weights, case.biases, strict=True)
        flat = np.concatenate([np.hstack([W, b[:, None]]).ravel() for W, b in parts])
        point = np.array([arb(value) for value in flat])
        hessian = network.hessian(point).astype(float)
        for p in range(len(point)):
            step = np.array([arb(h * (q == p)) for q in range(len(point))])
            quotient = (network.gradient(point + step) - network.gradient(point - step)) / (2 * arb(h))
            assert np.allclose(hessian[:, p], quotient.astype(float), rtol=1e-12, atol=1e-14)
    assert np.array_equal(hessian, hessian.T) or np.allclose(hessian, hessian.T, rtol=1e-14)


def test_no_bound_where_a_kink_may_be_crossed():
    """A ReLU whose input is exactly 0 is decided at the start, and undecided once there is any deviation."""
    case = start(("relu", "identity"))
    case = replace(case, weights=(np.zeros((3, 2)), case.weights[1]), biases=(np.zeros(3), case.biases[1]))
    followed = follow(case, {"own": Run(train(case, steps=4), NUMPY["float64"])})["own"]
    assert np.isfinite(followed.allowed).all(axis=1).tolist() == [True, True, False, False, False]


def test_diverging():
    """Bounds grow with the errors, then end; numbers that are none are no bound's business."""
    case = start(("tanh", "identity"), learning_rate=1e3)
    with np.errstate(all="ignore"):
        run = train(case, steps=120)
    followed = follow(case, {"own": Run(run, NUMPY["float64"])})["own"]
    bounded = np.isfinite(followed.allowed).all(axis=1)
    assert 2 <= bounded.sum() < 10
    assert (ratios(followed)[bounded] <= 1).all()
    assert not np.isfinite(run[-1][0][-1]).all()


def test_refused():
    """A softmax, and losses other than squared errors."""
    case = next(case for case in (draw_case(0, i) for i in range(50)) if case.activations[-1] == "softmax")
    with pytest.raises(ValueError, match="under squared errors and without a softmax"):
        follow(case, {"own": Run([(case.weights, case.biases)], NUMPY["float64"])})
