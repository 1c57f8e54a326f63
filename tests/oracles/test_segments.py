"""`oracles.segments`: the compiled comparison finds what `oracles.comparison` does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.comparison import compare_segments
from oracles.segments import Found, compare

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -2.5, 1 + 2**-52, 1e-300, 1e300, np.inf, -np.inf, np.nan])
ALLOWANCES = st.sampled_from([0.0, 1e-320, 2**-53, 1.0, 1e308, np.inf])
ENTRIES = st.lists(st.tuples(NUMBERS, NUMBERS, ALLOWANCES, ALLOWANCES), min_size=1, max_size=6)


@given(st.lists(ENTRIES, min_size=1, max_size=5))
def test_the_same_as_by_arrays(segments):
    got, expected, own, theirs = np.array([entry for entries in segments for entry in entries]).T.copy()
    sizes = np.array([len(entries) for entries in segments])
    counts, numbers = np.zeros((4, len(sizes)), int), np.full((6, len(sizes)), np.nan)
    compare(got, expected, own, theirs, sizes, 0, counts, numbers)
    with np.errstate(over="ignore"):
        allowed = own + theirs
    found, wanted = Found.of(counts, numbers), compare_segments(got, expected, allowed, sizes)
    for field in ("failures", "unchecked", "unknown"):
        assert np.array_equal(getattr(found, field), getattr(wanted, field)), field
    checked = wanted.unchecked < sizes
    position = wanted.worst - (np.cumsum(sizes) - sizes)
    assert np.array_equal(found.position[checked], position[checked])
    for field, column in (("ratio", wanted.ratio), ("got", got[wanted.worst]), ("expected", expected[wanted.worst])):
        assert np.array_equal(getattr(found, field)[checked], column[checked], equal_nan=True), field
        assert np.isnan(getattr(found, field)[~checked]).all()
    assert np.array_equal(found.allowed[checked], allowed[wanted.worst][checked])
    with np.errstate(over="ignore"):
        assert found.all_allowed == pytest.approx(wanted.all_allowed)
        assert found.all_expected == pytest.approx(wanted.all_expected)


def test_from_a_place_on():
    """The segments of one kind among those of others."""
    counts, numbers = np.zeros((4, 5), int), np.full((6, 5), np.nan)
    line = np.array([1.0, 2.0, 4.0])
    compare(line, line + np.array([0, 0, 1]), line / 8, line / 8, np.array([1, 2]), 2, counts, numbers)
    found = Found.of(counts, numbers)
    assert found.ratio[2:4].tolist() == [0, 1]
    assert found.position[2:4].tolist() == [0, 1]
    assert np.isnan(found.ratio[[0, 1, 4]]).all()
