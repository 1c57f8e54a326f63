"""`studies.claims.linearity`: one affine map, its bound, and what training on the tables finds."""

import numpy as np
import pytest

from backproof.reference_impl import as_printed
from backproof.studies.claims import linearity
from backproof.studies.claims.linearity import ACTIVE, LINEAR, Trained, try_linearity
from backproof.studies.claims.measured import BEST, LOSS


@pytest.fixture(scope="module")
def claim(verdict_on):
    return verdict_on("N18")


def test_verdict(claim):
    """Collapsed networks agree on every network; linear ones never beat the best fit, some with activations do."""
    collapsed, *trained = claim.evidence.checks
    assert claim.verdict == "holds"
    assert (collapsed.tried, collapsed.agreeing) == (60, 60)
    assert 0.01 < collapsed.worst["certified"] <= 1
    assert [check.agreeing for check in trained[: len(LINEAR)]] == [8] * len(LINEAR)
    assert sum(check.agreeing for check in trained[len(LINEAR) :]) > 0


def test_measurements(claim):
    """Losses by steps for every network, and the best linear fit's."""
    groups = {one.group for one in claim.evidence.measurements if one.what == LOSS}
    assert groups == {*LINEAR, *ACTIVE, BEST}


@pytest.mark.parametrize(
    "mistaken",
    [
        lambda weights, biases: (np.linalg.multi_dot([*weights[::-1], np.eye(weights[0].shape[1])]), biases[-1]),
        lambda weights, biases: tuple(part * (1 + 1e-12) for part in as_printed_collapse(weights, biases)),
    ],
)
def test_wrong_collapse(mistaken, quick, bench, monkeypatch):
    """Biases of the layers before forgotten, or all of it off by 1e-12."""
    monkeypatch.setattr(as_printed, "collapse", mistaken)
    assert try_linearity(bench).verdict == "fails as printed"


as_printed_collapse = as_printed.collapse


def test_a_linear_network_that_is_none(quick, bench, monkeypatch):
    """One that has an activation after all gets below the best linear fit, and that is seen."""
    monkeypatch.setattr(linearity, "LINEAR", {"in disguise": Trained((2, 8, 1), "tanh", 0.3)})
    claim = try_linearity(bench)
    assert claim.evidence.checks[1].agreeing == 0
    assert claim.verdict == "fails as printed"


def test_a_network_that_diverges(quick, bench, monkeypatch):
    """It has no loss below anything, and no bound."""
    monkeypatch.setattr(linearity, "LINEAR", {"too fast": Trained((2, 8, 1), "identity", 30.0)})
    assert try_linearity(bench).verdict == "holds"
