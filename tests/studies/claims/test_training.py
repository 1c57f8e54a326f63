"""`studies.claims.training`: side by side after every step, and the slightest difference of method is seen."""

import numpy as np
import pytest

from backproof.oracles import torch_practice
from backproof.reference_impl import descent as reference_descent
from backproof.studies.claims import training
from backproof.studies.claims.equations import Bench
from backproof.studies.claims.training import RUNS, start, train, train_one

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def witnesses(torch_oracle):
    return Bench([torch_oracle], 0)


@pytest.mark.long
def test_within_its_bounds(witnesses):
    """All networks, NumPy and PyTorch against the exact path and each other, at every step with a bound."""
    runs = train(witnesses)
    assert len(runs) == len(RUNS) == 3
    for run in runs:
        assert run.within
        assert 0 < run.worst <= 1
        assert [one.between for one in run.comparisons] == [
            "numpy and the exact path", "torch and the exact path", "numpy and torch",
        ]  # fmt: skip
        assert all(len(one.error) == len(one.allowed) == len(one.ratio) == run.steps + 1 for one in run.comparisons)
    assert [run.checked for run in runs[:2]] == [20, 20]
    assert 5 < runs[2].checked < 20
    assert runs[2].comparisons[0].allowed[-1] is None


@pytest.mark.parametrize("between", ["numpy", "torch"])
def test_a_different_method(between, witnesses, monkeypatch):
    """A learning rate off by a part in 1e12, on either side."""

    def off(descent):
        return lambda *args, learning_rate, **kwargs: descent(
            *args, learning_rate=learning_rate * (1 + 1e-12), **kwargs
        )

    if between == "numpy":
        monkeypatch.setattr(training, "descent", off(reference_descent))
    else:
        sgd = torch_practice.torch.optim.SGD
        monkeypatch.setattr(
            torch_practice.torch.optim, "SGD", lambda parameters, lr: sgd(parameters, lr=lr * (1 + 1e-12))
        )
    run = train_one("test", start(*RUNS["ReLUs"], seed=0), witnesses)
    assert (run.within, run.worst > 10) == (False, True)


def test_start():
    """The notes' tables, the same for a seed."""
    first, second = (start(*RUNS["ReLUs"], seed=3) for _ in range(2))
    assert np.array_equal(first.weights[0], second.weights[0])
    assert (first.y == first.x[:, :1] * first.x[:, 1:]).all()
