"""`oracles.segments`: the compiled comparison finds what `oracles.comparison` does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.oracles.case import Quantity
from backproof.oracles.comparison import compare as compare_one
from backproof.oracles.comparison import compare_segments
from backproof.oracles.draw import draw_case
from backproof.oracles.layout import Layout
from backproof.oracles.segments import (
    NO_FINITE_BOUND,
    NO_FINITE_VALUE,
    TOO_COARSE,
    Naming,
    Outcomes,
    compare,
    count_exact,
    gather,
    naming,
)
from backproof.oracles.stack import stacks
from backproof.verification.records import CAUSES, VERDICTS

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, -2.5, 1 + 2**-52, 1e-300, 1e300, np.inf, -np.inf, np.nan])
ALLOWANCES = st.sampled_from([0.0, 1e-320, 2**-53, 0.1, 0.125, 1.0, 1e308, np.inf])
NOTHINGS = st.sampled_from([0.0, 1e-320, 1e-300, 1.0])
ENTRIES = st.lists(st.tuples(NUMBERS, NUMBERS, ALLOWANCES, ALLOWANCES), min_size=1, max_size=6)


def blank(places: int) -> Outcomes:
    """Columns as `verification.records` has them before anything is judged."""
    start = {"layer": -1, "row": -1, "column": -1, "got": np.nan, "expected": np.nan, "allowed": np.nan}
    start |= {"ratio": np.nan, "fineness": np.nan}
    return Outcomes(
        *(np.full(places, start.get(field, 0), float if start.get(field) != -1 else int) for field in Outcomes._fields)
    )


def worst(found: Outcomes, kind: str, place: int) -> tuple[Quantity, tuple[int, ...], float, float]:
    """What is said of the worst entry."""
    layer, index = int(found.layer[place]), (int(found.row[place]), int(found.column[place]))
    quantity = Quantity(kind, None if layer < 0 else layer)
    return quantity, tuple(i for i in index if i >= 0), float(found.got[place]), float(found.ratio[place])


@given(st.lists(ENTRIES, min_size=1, max_size=5), NOTHINGS)
def test_the_same_as_by_arrays(segments, nothing):
    got, expected, own, theirs = np.array([entry for entries in segments for entry in entries]).T.copy()
    sizes = np.array([len(entries) for entries in segments])
    layout = Layout.of(np.ones((len(sizes), 1), int), sizes[:, None])
    found, networks = blank(len(sizes)), np.arange(len(sizes))
    compare(got, expected, own, theirs, layout, Naming(False, np.zeros(len(sizes), int), 1), networks, nothing, found)
    with np.errstate(over="ignore"):
        allowed = own + theirs
    wanted = compare_segments(got, expected, allowed, sizes, nothing=nothing)
    checked = wanted.unchecked < sizes
    assert np.array_equal(found.entries, sizes)
    assert np.array_equal(found.failures, wanted.failures)
    assert np.array_equal(found.unchecked, wanted.unchecked)
    assert np.array_equal(found.coarse, wanted.coarse)
    assert np.array_equal(found.indexed.astype(bool), checked)
    verdicts = np.where(wanted.failures > 0, "disagrees", np.where(checked, "agrees", "unchecked"))
    assert [VERDICTS[int(verdict)] for verdict in found.verdict] == verdicts.tolist()
    causes = np.where(wanted.coarse == wanted.unchecked, TOO_COARSE, NO_FINITE_BOUND)
    causes = np.where(wanted.unknown > 0, NO_FINITE_VALUE, causes)
    assert np.array_equal(found.cause, np.where((wanted.unchecked > 0) & (wanted.failures == 0), causes, 0))
    position = wanted.worst - (np.cumsum(sizes) - sizes)
    assert np.array_equal(found.row, np.where(checked, position, -1))
    for field, column in (("ratio", wanted.ratio), ("got", got[wanted.worst]), ("expected", expected[wanted.worst])):
        assert np.array_equal(getattr(found, field)[checked], column[checked], equal_nan=True), field
        assert np.isnan(getattr(found, field)[~checked]).all()
    assert np.array_equal(found.allowed[checked], allowed[wanted.worst][checked])
    with np.errstate(all="ignore"):
        fineness = wanted.all_allowed / wanted.all_expected
    fineness = np.where(checked & np.isfinite(fineness), fineness, np.nan)
    assert found.fineness == pytest.approx(fineness, nan_ok=True)


def test_entries_are_named_as_in_single_networks():
    """Whatever entry is wrong, of whatever kind and layer: the record of the network alone names the same."""
    rng = np.random.default_rng(0)
    for stack in stacks([draw_case(0, i) for i in range(60)]):
        networks, answers = rng.permutation(100)[: len(stack.cases)], []
        for case in stack.cases:
            answers.append({quantity: np.full(shape, 100.0) for quantity, shape in case.shapes.items()})
            for array in answers[-1].values():
                array.flat[rng.integers(array.size)] += 1
        for kind, line in stack.joined(answers).items():
            found, one = blank(100), np.ones_like(line)
            compare(line, 100 * one, one, one, stack.layouts[kind], naming(stack, kind), networks, 0.0, found)
            for s, (case, answer) in enumerate(zip(stack.cases, answers, strict=True)):
                expected = {quantity: np.full(shape, 100.0) for quantity, shape in case.shapes.items()}
                bounds = {quantity: np.full(shape, 2.0) for quantity, shape in case.shapes.items()}
                records = [r for r in compare_one(answer, expected, bounds, "float64") if r.quantity.kind == kind]
                assert worst(found, kind, networks[s]) in [(r.quantity, r.index, r.got, r.ratio) for r in records]
                assert found.entries[networks[s]] == sum(record.entries for record in records)
                assert VERDICTS[int(found.verdict[networks[s]])] == "agrees"
            assert set(np.flatnonzero(found.entries)) == set(networks)


def test_causes_are_in_their_order():
    """Numbers stand for what the records say in words."""
    assert CAUSES[NO_FINITE_VALUE] == "the oracle gives no finite value"
    assert CAUSES[NO_FINITE_BOUND] == "rounding alone can change it without limit"
    assert CAUSES[TOO_COARSE] == "rounding alone can change it by a tenth"


def test_counting_what_is_exact():
    """Of the chosen networks alone, and only where it is known; and what is not exact."""
    layout = Layout.of(np.array([[1, 1], [1, 1], [1, 0]]), np.array([[2, 1], [1, 2], [2, 2]]))
    exact, known = np.arange(8.0), np.array([1, 0, 1, 1, 1, 1, 0, 1], bool)
    got = np.array([0.0, 9, 2, 9, 9, 5, 9, np.nan])
    numbers, inexact = np.zeros(3, int), np.zeros(3, int)
    count_exact(got, exact, known, np.array([0, 2]), layout, numbers, inexact)
    assert numbers.tolist() == [2, 0, 1]
    assert inexact.tolist() == [0, 0, 1]
    count_exact(got, exact, known, np.array([1]), layout, numbers, inexact)
    assert numbers.tolist() == [2, 3, 1]
    assert inexact.tolist() == [0, 2, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gathered(dtype):
    found = np.zeros(5)
    gather(np.arange(1, 10).astype(dtype), np.array([7, -1, 0]), np.array([2, 1, 2]), found)
    assert found.tolist()[:2] + found.tolist()[3:] == [8, 9, 1, 2]
    assert np.isnan(found[2])
