"""What the tests of claims share: witnesses, and a whole trial that is quick."""

from contextlib import contextmanager

import pytest

from reports.claims import gradients, linearity, training, trial
from reports.claims.equations import Bench


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The certified values alone: a formula that is wrong is outside its bound of them."""
    return Bench([], seed=0)


@contextmanager
def quickly():
    """Fewer seeds and steps, and PyTorch as the only oracle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "DEFAULT_ORACLES", ("torch",))
        patch.setattr(gradients, "SEEDS", 5)
        patch.setattr(gradients, "TRAINED", 8)
        patch.setattr(gradients, "MOST_STEPS", 200)
        patch.setattr(linearity, "STARTS", 2)
        patch.setattr(linearity, "STEPS", 300)
        patch.setattr(training, "STEPS", 20)
        yield


@pytest.fixture
def quick():
    """A test that is as quick."""
    with quickly():
        yield


@pytest.fixture(scope="session")
def tried(tmp_path_factory):
    """A trial, and the folder that it was written to."""
    folder = tmp_path_factory.mktemp("tried")
    with quickly():
        return trial.try_notes(folder), folder
