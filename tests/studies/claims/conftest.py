"""What the tests of claims share: a whole trial, and witnesses to try other formulas by."""

import msgspec
import pytest

from backproof.studies.claims import gradients, linearity, training
from backproof.studies.claims.claim import Claims
from backproof.studies.claims.equations import Bench


@pytest.fixture(scope="session")
def tried(trial_by_command):
    """The trial that `backproof claims` has written, and the folder that it is in."""
    folder = trial_by_command[1] / "backproof-report"
    return msgspec.json.decode((folder / "claims.json").read_bytes(), type=Claims), folder


@pytest.fixture(scope="session")
def verdict_on(tried):
    """The claim about a statement."""
    return {claim.id: claim for claim in tried[0].claims}.__getitem__


@pytest.fixture(scope="session")
def bench() -> Bench:
    """The certified values alone: a formula that is wrong is outside its bound of them."""
    return Bench([], seed=0, networks=30)


@pytest.fixture
def quick(monkeypatch):
    """Fewer seeds and steps."""
    monkeypatch.setattr(gradients, "SEEDS", 5)
    monkeypatch.setattr(gradients, "TRAINED", 8)
    monkeypatch.setattr(gradients, "MOST_STEPS", 200)
    monkeypatch.setattr(linearity, "STARTS", 1)
    monkeypatch.setattr(linearity, "STEPS", 300)
    monkeypatch.setattr(training, "STEPS", 20)
