"""`studies.frameworks.tally`: counted quantiles are those of the numbers, to 9 %."""

import math

import numpy as np
import pytest

from backproof.studies.frameworks.tally import Tally


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_quantiles(share):
    """Never below the true quantile, and at most an eighth of an octave above; added in parts as well as at once."""
    values = 10 ** np.random.default_rng(0).uniform(-9, 9, 10_000)
    tally = Tally(3)
    for part in np.split(values, 4):
        tally.add(np.full(part.size, 1), part)
    exact = np.quantile(values, share, method="inverted_cdf")
    assert exact <= tally.quantile([1], share) <= exact * 2 ** (1 / 8)
    assert tally.quantile(slice(None), share) == tally.quantile([1], share)
    assert tally.most([1]) == values.max()
    assert math.isnan(tally.quantile([0], share))


def test_edges():
    """Exact zeros, numbers beyond the scale, and what is infinite or no number."""
    tally = Tally(1)
    tally.add(np.zeros(4, int), np.array([0.0, 0.0, 0.0, 1e30]))
    assert (tally.quantile([0], 0.5), tally.quantile([0], 1), tally.most([0])) == (0.0, 1e30, 1e30)
    tally.add(np.zeros(8, int), np.full(8, np.nan))
    assert (tally.quantile([0], 0.99), tally.most([0])) == (math.inf, math.inf)


def test_lowest():
    """What is no larger counts as 0, and all numbers of float64 can be told apart."""
    values = np.array([1e-300, 1e-200, 1e-100])
    for lowest, expected in ((-40, 0.0), (-1074, 1e-200)):
        tally = Tally(1, lowest)
        tally.add(np.zeros(3, int), values)
        assert expected <= tally.quantile([0], 0.5) <= expected * 2 ** (1 / 8)


def test_never_above_the_largest():
    tally = Tally(1)
    tally.add(np.zeros(1, int), np.array([0.3]))
    assert tally.quantile([0], 0.5) == 0.3
