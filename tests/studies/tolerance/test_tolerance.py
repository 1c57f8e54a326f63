"""`studies.tolerance`: what is advised allows what is honest, and not much else."""

import dataclasses

import numpy as np
import pytest
import torch

from backproof.oracles.draw import Architecture
from backproof.studies.frameworks.backends import KINDS, NumpyBackend, load_backend
from backproof.studies.tolerance.advice import Question, _Fit, _up, advise
from backproof.verification.campaign import CouldNotRunError

SMALL = Question(Architecture((5, 8, 3), ("tanh", "softmax"), "cross_entropy_mean", batch=4), draws=16)


@pytest.fixture(scope="module")
def advice():
    return advise(SMALL)


class TestQuestion:
    """What can be asked about."""

    def test_drawn(self):
        """Widths, activations, batch and dtype as asked; the same again, and others for other seeds."""
        case = SMALL.draw(3)
        assert (case.widths, case.n, case.activations) == ((5, 8, 3), 4, ("tanh", "softmax"))
        assert (case.x == case.x.astype(np.float32)).all()
        assert (SMALL.draw(3).x == case.x).all()
        assert (dataclasses.replace(SMALL, seed=1).draw(3).x != case.x).any()

    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            ({"dtype": "float8"}, "unknown dtype 'float8'; there are float64, float32, bfloat16, float16"),
            ({"draws": 1}, "two networks have to be drawn at least; 1 were asked for"),
            ({"seed": -1}, "seed and index are not negative"),
        ],
    )
    def test_refused(self, changed, message):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(SMALL, **changed)


class TestFit:
    """rtol and atol for what has to be allowed."""

    @pytest.mark.parametrize("kind", ["absolute", "relative", "both"])
    def test_allows_all_and_little_else(self, kind):
        rng = np.random.default_rng(0)
        expected, fit = rng.standard_normal(1000), _Fit()
        needed = {"absolute": 1e-6, "relative": 3e-5 * np.abs(expected), "both": 1e-6 + 3e-5 * np.abs(expected)}[kind]
        for part in np.split(np.arange(1000), 4):
            fit.add(np.broadcast_to(needed, 1000)[part], expected[part])
        rtol, atol = fit.pair()
        through = atol + rtol * np.abs(expected)
        assert (through >= needed).all()
        assert through.mean() <= 1.7 * np.mean(needed)

    def test_nothing_needed(self):
        fit = _Fit()
        fit.add(np.zeros(3), np.ones(3))
        assert fit.pair() == (0.0, 0.0)

    def test_what_has_no_bound_is_left_out(self):
        fit = _Fit()
        fit.add(np.array([np.inf, 1e-3]), np.ones(2))
        rtol, atol = fit.pair()
        assert 1e-3 <= rtol + atol < 2e-3

    @pytest.mark.parametrize("value", [1.0, 1.01e-7, 9.99e3, 1.2e-300, 0.0])
    def test_rounding_up(self, value):
        assert value <= _up(value) <= 1.1 * value


class TestAdvice:
    """What is said about an architecture."""

    def test_quantities(self, advice):
        """Every output, loss and gradient; of each framework the errors, within what is allowed."""
        assert advice.architecture == "5 -tanh- 8 -softmax- 3, cross_entropy_mean, batch 4"
        assert [one.quantity for one in advice.quantities] == [
            "output[1]", "output[2]", "loss", "dW[1]", "dW[2]", "db[1]", "db[2]",
        ]  # fmt: skip
        for one in advice.quantities:
            assert list(one.observed) == ["numpy", "torch-eager", "jax-jit"]
            for spread in one.observed.values():
                assert 0 <= spread.median <= spread.p999 <= spread.worst <= one.allowed / one.rms
            assert 1e-8 < one.allowed_relative < 1e-4

    def test_advised_is_between_what_is_seen_and_what_is_proven(self, advice):
        """No false alarm by either; the advised one lets less through, and far less than the usual defaults."""
        for one in advice.quantities:
            tolerances = {tolerance.name: tolerance for tolerance in one.tolerances}
            advised, proven = tolerances["advised"], tolerances["proven"]
            assert (advised.false_alarms, proven.false_alarms) == (0, 0)
            assert advised.lets_through < proven.lets_through
            assert advised.lets_through < tolerances["assert_close"].lets_through

    def test_false_alarms_are_counted(self, advice):
        """assert_allclose's default, rtol 1e-7, fails honest float32 gradients nearly always."""
        (gradient,) = [one for one in advice.quantities if one.quantity == "dW[1]"]
        (usual,) = [tolerance for tolerance in gradient.tolerances if tolerance.name == "assert_allclose"]
        assert usual.false_alarms > 0.9
        assert advice.comparisons == 8 * 6
        assert usual.false_alarms * 48 == pytest.approx(round(usual.false_alarms * 48))

    def test_pasted(self, advice):
        """In the functions that it is meant for, honest results pass, and one that is off by 1e-5 does not."""
        (one,) = [one for one in advice.quantities if one.quantity == "dW[1]"]
        rtol, atol = one.tolerances[0].rtol, one.tolerances[0].atol
        case = SMALL.draw(1)
        answers = [load_backend(name, "float32").answers([case])[0] for name in ("numpy", "torch-eager")]
        mine, theirs = (next(v for q, v in answer.items() if str(q) == "dW[1]") for answer in answers)
        torch.testing.assert_close(torch.tensor(mine), torch.tensor(theirs), rtol=rtol, atol=atol)
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=atol)
        wrong = mine.copy()
        wrong.flat[np.abs(mine).argmax()] *= 1 + 1e-5
        with pytest.raises(AssertionError):
            np.testing.assert_allclose(wrong, theirs, rtol=rtol, atol=atol)
        torch.testing.assert_close(torch.tensor(wrong), torch.tensor(theirs), rtol=1.3e-6, atol=1e-5)

    def test_in_float64_errors_are_counted_from_certified_values(self):
        found = advise(dataclasses.replace(SMALL, dtype="float64", draws=2))
        assert all(one.tolerances[1].false_alarms == 0 for one in found.quantities)
        assert all(1e-17 < one.allowed < 1e-12 for one in found.quantities)

    def test_small_errors_are_counted(self):
        """Those of float64 too, and half of a last place where the value is as good as it can be."""
        found = advise(dataclasses.replace(SMALL, dtype="float64", draws=2))
        for one in found.quantities:
            for spread in one.observed.values():
                assert 1e-18 < spread.median <= spread.p999 <= spread.worst < 1e-14
                assert one.quantity == "loss" or spread.median < spread.p999

    def test_two_frameworks_are_enough(self):
        """NumPy has no bfloat16, and that is said."""
        found = advise(dataclasses.replace(SMALL, dtype="bfloat16", draws=2))
        assert (found.frameworks, found.missing) == (["torch-eager", "jax-jit"], {"numpy": "NumPy has no bfloat16"})

    def test_one_is_not(self, monkeypatch):
        def none(dtype):
            raise RuntimeError("it is away")

        monkeypatch.setitem(KINDS, "torch-eager", KINDS["torch-eager"]._replace(make=none))
        with pytest.raises(
            CouldNotRunError, match=r"there are not two frameworks to compare; .*torch-eager: it is away"
        ):
            advise(dataclasses.replace(SMALL, dtype="bfloat16"))

    def test_a_framework_that_is_off_is_seen(self, monkeypatch):
        """Its errors stand in its own column, and the advice allows for them: the proven pair does not."""

        class Off(NumpyBackend):
            def answers(self, cases):
                found = super().answers(cases)
                return [{q: v * (1 + 1e-3) if q.kind == "loss" else v for q, v in a.items()} for a in found]

        monkeypatch.setitem(KINDS, "numpy", KINDS["numpy"]._replace(make=Off))
        found = advise(dataclasses.replace(SMALL, draws=4))
        (loss,) = [one for one in found.quantities if one.quantity == "loss"]
        assert loss.observed["numpy"].median > 1e-4 > loss.observed["torch-eager"].worst
        advised, proven, *_ = loss.tolerances
        assert (advised.false_alarms, proven.false_alarms) == (0, 4 / 6)
