"""`oracles.comparison`: what passes, what fails, in which order, and what is said of it."""

import math

import numpy as np
import pytest

from backproof.oracles.case import Quantity
from backproof.oracles.comparison import COARSE, NOTHING, Problem, compare, compare_segments

DW, LOSS = Quantity("dW", 2), Quantity("loss")
EXPECTED = np.array([[1.0, 2.0], [0.0, -4.0]])
ALLOWED = np.array([[0.1, 0.1], [0.0, np.inf]])


def judge(got, expected=EXPECTED, allowed=ALLOWED, dtype="float64", quantity=DW):
    """The one record of one quantity."""
    (record,) = compare({quantity: got}, {quantity: expected}, {quantity: allowed}, dtype)
    return record


def test_agreement():
    """Errors up to what is allowed pass; the worst of them is recorded."""
    record = judge(EXPECTED + np.array([[0.02, -0.08], [0.0, 7.0]]))
    assert (record.verdict, record.entries, record.failures, record.unchecked) == ("agrees", 4, 0, 1)
    assert (record.index, record.got, record.expected, record.allowed) == ((0, 1), 1.92, 2.0, 0.1)
    assert record.ratio == pytest.approx(0.8)
    assert record.fineness == pytest.approx(0.2 / 3)
    assert record.explanation("torch") == "dW[2] agrees with torch: error / allowed is at most 0.8"


def test_disagreement():
    """One entry too far off is a failure, named with its index and what was allowed."""
    record = judge(EXPECTED + np.array([[0.3, 0.0], [0.0, 0.0]]))
    assert (record.verdict, record.failures, record.index) == ("disagrees", 1, (0, 0))
    assert record.ratio == pytest.approx(3)
    assert record.explanation("jax") == (
        "dW[2] disagrees with jax in 1 of 4 entries, worst at [0, 0]: got 1.3, expected 1.0, "
        "allowed to differ by 0.1 (error / allowed 3)"
    )


def test_the_limit_itself_is_allowed():
    """An error of exactly what is allowed is explained by rounding."""
    limit = 0.0625
    assert judge(np.array([1 + limit]), np.array([1.0]), np.array([limit])).verdict == "agrees"
    beyond = np.nextafter(1 + limit, 2)
    assert judge(np.array([beyond]), np.array([1.0]), np.array([limit])).verdict == "disagrees"


def test_exact_entries():
    """Where nothing is allowed the last bit counts."""
    record = judge(EXPECTED + np.array([[0.0, 0.0], [5e-324, 0.0]]))
    assert (record.verdict, record.ratio, record.index) == ("disagrees", math.inf, (1, 0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(value):
    """NaN and infinity never pass where a number was expected."""
    record = judge(np.where(EXPECTED == 2, value, EXPECTED))
    assert (record.verdict, record.ratio, record.index) == ("disagrees", math.inf, (0, 1))
    assert record.cause == ("NaN, should be 2.0" if np.isnan(value) else "")


def test_nan_where_nothing_can_be_said():
    """An entry without a finite allowance is not judged, whatever it is."""
    assert judge(np.where(EXPECTED == -4, np.nan, EXPECTED)).verdict == "agrees"


def test_nothing_can_be_said_at_all():
    """Without any finite allowance the quantity is unchecked, never passed."""
    record = judge(EXPECTED, allowed=np.full((2, 2), np.inf))
    assert (record.verdict, record.unchecked, record.cause) == (
        "unchecked", 4, "rounding alone can change it without limit",
    )  # fmt: skip
    assert math.isnan(record.ratio)
    assert record.explanation("jax") == "dW[2] is unchecked against jax: rounding alone can change it without limit"


def test_oracle_without_a_value():
    """An oracle that gives no number is not a judge."""
    record = judge(EXPECTED, expected=np.full((2, 2), np.nan))
    assert (record.verdict, record.cause) == ("unchecked", "the oracle gives no finite value")


@pytest.mark.parametrize(
    ("got", "cause"),
    [
        (None, "a value of type NoneType, should be an array"),
        (EXPECTED.tolist(), "a value of type list, should be an array"),
        (EXPECTED[0], "shape (2,), should be (2, 2)"),
        (EXPECTED.T[None], "shape (1, 2, 2), should be (2, 2)"),
        (EXPECTED.astype(np.float32), "dtype float32, should be float64"),
        (EXPECTED.astype(int), "dtype int64, should be float64"),
        (EXPECTED.astype(object), "dtype object, should be float64"),
        (EXPECTED + 0j, "dtype complex128, should be float64"),
        (Problem("backward raised ValueError: no"), "backward raised ValueError: no"),
    ],
)
def test_structure(got, cause):
    """Type, then shape, then dtype: each is told apart, and fails all entries."""
    record = judge(got)
    assert (record.verdict, record.failures, record.ratio, record.cause) == ("disagrees", 4, math.inf, cause)
    assert record.explanation("torch") == f"dW[2] disagrees with torch: {cause}"


def test_missing_is_unchecked():
    """What an implementation does not claim to have is neither passed nor failed."""
    record = judge(Problem("there is no function backward", fails=False))
    assert (record.verdict, record.failures, record.unchecked) == ("unchecked", 0, 4)


@pytest.mark.parametrize("got", [2.5, np.float64(2.5), np.array(2.5)])
def test_scalars(got):
    """A loss may be a Python float, a NumPy scalar or an array without dimensions."""
    assert judge(got, np.array(2.5), np.array(0.0), quantity=LOSS).verdict == "agrees"


@pytest.mark.parametrize(
    ("got", "cause"), [(np.array([2.5]), "shape (1,), should be ()"), (2, "a value of type int, should be an array")]
)
def test_not_scalars(got, cause):
    assert judge(got, np.array(2.5), np.array(0.0), quantity=LOSS).cause == cause


def test_float32_scalar():
    """A Python float has no precision of its own; a float64 scalar is of the wrong dtype."""
    assert judge(2.5, np.array(2.5), np.array(0.0), "float32", LOSS).verdict == "agrees"
    assert (
        judge(np.float64(2.5), np.array(2.5), np.array(0.0), "float32", LOSS).cause
        == "dtype float64, should be float32"
    )


def test_many_at_once():
    """Each quantity is judged by its own values, in the order of the oracle's answer."""
    expected = {LOSS: np.array(1.0), DW: EXPECTED, Quantity("db", 1): np.array([3.0, 4.0])}
    allowed = {LOSS: np.array(0.0625), DW: ALLOWED, Quantity("db", 1): np.array([0.0, 0.25])}
    got = {DW: None, Quantity("db", 1): np.array([3.0, 4.5]), LOSS: np.float64(1.03125)}
    records = compare(got, expected, allowed, "float64")
    assert [record.quantity for record in records] == list(expected)
    assert [record.verdict for record in records] == ["agrees", "disagrees", "disagrees"]
    assert [record.ratio for record in records] == [0.5, math.inf, 2.0]
    assert records[2].index == (1,)


def test_zeros():
    """Fineness has no meaning where all expected values are 0."""
    assert math.isnan(judge(np.zeros((2, 2)), np.zeros((2, 2))).fineness)


class TestTooCoarse:
    """An allowance that zeros, twice the value or the other sign could hide behind checks nothing."""

    def test_a_tenth_of_the_largest(self):
        """A small entry beside a large one is checked, where no more than a tenth of the large one is allowed."""
        expected, allowed = np.array([10.0, 1e-3]), np.array([1.0, 1.0])
        record = judge(expected + 0.5, expected, allowed)
        assert (record.verdict, record.unchecked, record.coarse, record.ratio) == ("agrees", 0, 0, 0.5)
        above = np.nextafter(COARSE * 10.0, 2)
        record = judge(expected + 0.5, expected, np.array([1.0, above]))
        assert (record.verdict, record.unchecked, record.coarse, record.index) == ("agrees", 1, 1, (0,))
        assert record.cause == "rounding alone can change it by a tenth"
        assert (record.all_allowed, record.all_expected) == (1.0, 10.0)

    @pytest.mark.parametrize("got", [0.0, 1.0, 2.0, -1.0])
    def test_never_agrees(self, got):
        """Whatever is within it is unchecked, the right value too."""
        record = judge(np.array([got]), np.array([1.0]), np.array([2.0]))
        assert (record.verdict, record.failures, record.unchecked, record.coarse) == ("unchecked", 0, 1, 1)
        assert math.isnan(record.ratio)
        assert record.explanation("jax") == "dW[2] is unchecked against jax: rounding alone can change it by a tenth"

    @pytest.mark.parametrize("got", [3.5, -1.5, np.nan, np.inf])
    def test_what_is_outside_disagrees(self, got):
        """However much is allowed, more than that is wrong."""
        record = judge(np.array([got, 1.0]), np.array([1.0, 1.0]), np.array([2.0, 2.0]))
        assert (record.verdict, record.failures, record.index) == ("disagrees", 1, (0,))
        assert (record.unchecked, record.coarse) == (1, 1)

    def test_each_array_has_a_largest_of_its_own(self):
        """A large entry of another layer does not make a coarse allowance fine."""
        db = Quantity("db", 1)
        expected = {DW: np.array([1000.0]), db: np.array([1.0])}
        records = compare(expected, expected, dict.fromkeys(expected, np.array([0.5])), "float64")
        assert [record.verdict for record in records] == ["agrees", "unchecked"]

    def test_an_infinite_entry_is_not_the_largest(self):
        """What the oracle does not know makes no allowance fine."""
        record = judge(np.array([np.inf, 1.0]), np.array([np.inf, 1.0]), np.array([0.5, 0.5]))
        assert (record.verdict, record.unchecked, record.coarse) == ("unchecked", 2, 1)
        assert record.cause == "the oracle gives no finite value"

    @pytest.mark.parametrize("dtype", ["float64", "float32"])
    def test_nothing(self, dtype):
        """A zero that underflow may change is checked, unless its array has more than nothing, or more is allowed."""
        nothing, got = NOTHING[dtype], np.zeros(2, dtype)
        for largest, allowed, verdict in (
            (0.0, nothing, "agrees"),
            (nothing, nothing, "agrees"),
            (2 * nothing, nothing, "unchecked"),
            (0.0, 2 * nothing, "unchecked"),
        ):
            expected = np.array([0.0, largest])
            record = judge(expected.astype(dtype), expected, np.full(2, allowed), dtype)
            assert record.verdict == verdict, (largest, allowed)
        wrong = judge(got + np.finfo(dtype).eps, np.zeros(2), np.full(2, nothing), dtype)
        assert (wrong.verdict, wrong.failures) == ("disagrees", 2)

    def test_nothing_is_zero_unless_said(self):
        """Lines of numbers have no precision of their own: there only 0 is nothing."""
        zero = np.zeros(1)
        found = compare_segments(zero, zero, zero + 5e-324, np.array([1]))
        assert (found.unchecked.tolist(), found.coarse.tolist()) == ([1], [1])
        found = compare_segments(zero, zero, zero + 5e-324, np.array([1]), nothing=NOTHING["float64"])
        assert (found.unchecked.tolist(), found.coarse.tolist()) == ([0], [0])

    def test_why(self):
        """A tenth is the reason where it is that of all entries; the others go before it."""
        expected = np.array([1.0, 1.0])
        for allowed, cause in (
            ([0.5, 0.5], "rounding alone can change it by a tenth"),
            ([0.5, np.inf], "rounding alone can change it without limit"),
        ):
            assert judge(expected, expected, np.array(allowed)).cause == cause
