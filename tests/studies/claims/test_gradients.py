"""`studies.claims.gradients` and `statistics`: the bound, the measurements, and the verdict that follows from them."""

import numpy as np
import pytest

from backproof.reference_impl import backward
from backproof.studies.claims import gradients
from backproof.studies.claims.gradients import DEPTHS, SCALES, find, first_gradient, steps_to_target, try_relu
from backproof.studies.claims.learning import best_linear_fit, he
from backproof.studies.claims.measured import MOST_STEPS, NORM, SHARE, STEPS_TO_TARGET
from backproof.studies.claims.statistics import median, wilson


@pytest.fixture(scope="module")
def claim(verdict_on):
    return verdict_on("N7")


class TestGradient:
    """The first layer's gradient."""

    @pytest.mark.parametrize("activation", gradients.STEEPEST)
    @pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
    def test_bound(self, activation, scale):
        """It holds, for small weights and for large ones, and is reached to a factor by shallow networks."""
        found = [first_gradient(activation, depth, (0, s), scale) for depth in (1, 3, 9) for s in range(4)]
        assert all(0 <= one.norm <= one.bound for one in found)
        assert max(one.norm / one.bound for one in found) > 0.02

    def test_bound_is_tight_where_the_sigmoid_is_steepest(self):
        """Zero weights: every slope is 1/4, and one sample's gradient is its bound."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gradients, "SAMPLES", 1)
            norm, bound = first_gradient("sigmoid", 1, (0, 0), 0.0)
        assert norm == pytest.approx(bound, rel=1e-14)


class TestVerdict:
    """N7 holds under conditions that are tried on both sides."""

    def test_find(self):
        every, some, none = {"a": True, "b": True}, {"a": True, "b": False}, {"a": False, "b": False}
        assert find(every, every) == ("holds", "")
        assert find(none, every) == find(every, none) == ("fails as printed", "")
        assert find(some, some) == ("holds if", "the weights start at a, not b, and the learning rate is a, not b")

    def test_verdict(self, claim):
        """He's scale keeps the gradient, half of it does not; a rate of 1 is too large for ReLUs."""
        assert (claim.verdict, claim.evidence.condition) == (
            "holds if",
            "the weights start at He's scale, not half He's scale, and the learning rate is 0.1 or 0.3, not 1",
        )

    @pytest.mark.long
    def test_activations_exchanged(self, quick, bench, monkeypatch):
        """With the sigmoid under the ReLU's name, nothing speeds up and nothing stays."""
        monkeypatch.setattr(
            gradients, "backward", lambda W, b, x, y, g, loss: backward(W, b, x, y, ("sigmoid",) * len(W), loss)
        )
        claim = try_relu(bench)
        assert claim.verdict == "fails as printed"

    def test_checks(self, claim):
        """The bound holds everywhere, and the ReLU's gradient is the larger one in every deep pair."""
        bounds = [check for check in claim.evidence.checks if "at most" in check.what]
        larger = [check for check in claim.evidence.checks if "is larger" in check.what]
        assert len(bounds) == len(larger) == 2
        assert all(check.agreeing == check.tried for check in (*bounds, *larger))
        assert all(0 < check.worst["bound"] <= 1 for check in bounds)

    def test_measurements(self, claim):
        """Every depth, scale and rate, with intervals around the medians."""
        measured = claim.evidence.measurements
        assert len([one for one in measured if one.what == NORM]) == 4 * len(SCALES) * len(DEPTHS)
        assert {one.at for one in measured if one.what in (STEPS_TO_TARGET, SHARE)} == set(gradients.RATES)
        assert all(one.low <= one.value <= one.high for one in measured if one.what in (NORM, SHARE))

    def test_counterexample(self, claim):
        """A ReLU that is stuck, where a sigmoid is not."""
        assert claim.counterexample.line.startswith("x = 1, w = 0, b = 0, y = 1, y' = 0: the ReLU's ∂L/∂w is 0")
        assert claim.counterexample.exact == [0.0]


class TestSteps:
    """Training until a loss that no linear function has."""

    def test_reached_diverged_and_too_slow(self):
        assert 0 < steps_to_target("relu", 0.3, (0, 0)) < MOST_STEPS
        assert steps_to_target("relu", 100.0, (0, 0)) == np.inf
        assert steps_to_target("sigmoid", 1e-6, (0, 0)) == np.inf

    def test_best_linear_fit(self):
        """Of what is linear it leaves nothing, and of a product of centred inputs it takes nothing."""
        x = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
        fit = best_linear_fit(x, x @ [[2.0], [3.0]] + 1)
        assert np.allclose(fit.weights, [[2, 3]]) and np.allclose(fit.bias, 1) and fit.loss < 1e-28  # noqa: PT018
        assert best_linear_fit(x, x[:, :1] * x[:, 1:]).loss == pytest.approx(0.5)

    def test_he(self):
        """The standard deviation of weights."""
        network = he(np.random.default_rng(0), (200, 300, 10), scale=0.5)
        assert [W.shape for W in network.weights] == [(300, 200), (10, 300)]
        assert np.std(network.weights[0]) == pytest.approx(0.5 * (2 / 200) ** 0.5, rel=0.02)


class TestIntervals:
    """Medians and proportions."""

    def test_median(self):
        """Its interval covers the true median about 95 times in 100, and infinite values are no number."""
        rng = np.random.default_rng(0)
        found = [median("m", "g", 0, rng.standard_normal(25)) for _ in range(100)]
        assert 88 <= sum(one.low <= 0 <= one.high for one in found) <= 100
        assert median("m", "g", 0, [1.0, 2.0, np.inf, np.inf, np.inf]).value is None
        assert median("m", "g", 0, [1.0]).low == median("m", "g", 0, [1.0]).high == 1.0

    def test_wilson(self):
        """Against the values of Newcombe, Statistics in Medicine 17, 1998, table I."""
        assert np.allclose(wilson(81, 263), (0.2553, 0.3662), atol=5e-5)
        assert np.allclose(wilson(15, 148), (0.0624, 0.1605), atol=5e-5)
        assert np.allclose(wilson(0, 20), (0.0, 0.1611), atol=5e-5)
        assert wilson(20, 20)[1] == 1.0
