"""`oracles.comparison`: what passes, what fails, in which order, and what is said of it."""

import math

import numpy as np
import pytest

from backproof.oracles.case import Quantity
from backproof.oracles.comparison import Problem, compare

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
    assert judge(np.array([1.5]), np.array([1.0]), np.array([0.5])).verdict == "agrees"


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
    allowed = {LOSS: np.array(0.5), DW: ALLOWED, Quantity("db", 1): np.array([0.0, 1.0])}
    got = {DW: None, Quantity("db", 1): np.array([3.0, 6.0]), LOSS: np.float64(1.25)}
    records = compare(got, expected, allowed, "float64")
    assert [record.quantity for record in records] == list(expected)
    assert [record.verdict for record in records] == ["agrees", "disagrees", "disagrees"]
    assert [record.ratio for record in records] == [0.5, math.inf, 2.0]
    assert records[2].index == (1,)


def test_zeros():
    """Fineness has no meaning where all expected values are 0."""
    assert math.isnan(judge(np.zeros((2, 2)), np.zeros((2, 2))).fineness)
