"""`oracles.bounds.running`: what honest programs give is within the bounds that formulas carry along."""

import numpy as np
import pytest

from backproof.mistakes.accepted import BackwardLoops, Einsum, MeanLast, Naive, Products
from backproof.mistakes.textbook import Textbook
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.bounds.running import Decision, Running, where
from backproof.oracles.case import DTYPES, Quantity
from backproof.oracles.draw import PROFILES, draw_case

FORMS = (Textbook, BackwardLoops, Einsum, MeanLast, Naive, Products)


def running(value, dtype):
    if isinstance(value, list | tuple):
        return [running(one, dtype) for one in value]
    return Running.exact(value, dtype) if isinstance(value, np.ndarray) else value


def cases(dtype, number=12):
    return [draw_case(7, i, profile).cast(dtype) for profile in PROFILES if profile != "all" for i in range(number)]


def gradients(case):
    return case.weights, case.biases, case.x, case.y, case.activations, case.loss


def off_by(got, expected):
    """The largest error / allowed, of the entries of which anything is known."""
    with np.errstate(all="ignore"):
        known = np.isfinite(expected.error) & np.isfinite(expected.value)
        error = np.abs(got - expected.value)
        return float(np.where(known & (error > 0), error / expected.error, 0.0).max(initial=0.0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_other_forms_are_within_it(dtype):
    """Sums in other orders, slopes in other forms, the factor of the loss at the end."""
    worst = 0.0
    for case in cases(dtype):
        expected = Textbook().backward(*(running(part, case.dtype) for part in gradients(case)))
        for form in FORMS:
            with np.errstate(all="ignore"):
                found = form().backward(*gradients(case))
            for got, right in zip(found, expected, strict=True):
                worst = max(worst, *map(off_by, got, right))
    assert 0.01 < worst <= 1


def test_it_is_not_much_wider_than_the_bounds():
    """In the median a few times what `bounds` allow, which follow all errors at once."""
    ratios = []
    for case in cases("float64"):
        (found,) = bounds([case], [NUMPY["float64"]])
        dW, _ = Textbook().backward(*(running(part, case.dtype) for part in gradients(case)))
        for i, right in enumerate(dW, 1):
            own = found.allowances[0][Quantity("dW", i)]
            with np.errstate(all="ignore"):
                ratio = right.error / own
            ratios += ratio[np.isfinite(ratio) & (own > 0)].astype(float).tolist()
    assert 1 < np.median(ratios) < 10


def test_single_precision_is_outside():
    """Bounds of float64 do not hold for what is worked out in float32."""
    case = draw_case(7, 3, "vanishing")
    dW, _ = Textbook().backward(*(running(part, case.dtype) for part in gradients(case)))
    single, _ = Textbook().backward(*gradients(case.cast("float32")))
    assert max(map(off_by, single, dW)) > 1e5
    rounded = [[Running.rounded(a, "float32") for a in part] for part in (case.weights, case.biases)]
    x, y = (Running.rounded(part, "float32") for part in (case.x, case.y))
    allowed, _ = Textbook().backward(*rounded, x, y, case.activations, case.loss)
    assert max(map(off_by, single, allowed)) <= 1


class TestExactly:
    """What needs no rounding is off by nothing."""

    def test_sums_of_integers(self):
        a, W = (Running.exact(np.arange(6.0).reshape(shape), "float64") for shape in ((2, 3), (3, 2)))
        assert not (a @ W).error.any()
        assert not (a @ W + Running.exact(np.ones(2), "float64")).error.any()
        assert not a.sum(axis=0).error.any()

    def test_what_is_rounded(self):
        third = Running.exact(np.array([1.0]), "float64") / 3.0
        assert third.error > 0
        assert (Running.exact(np.full((1, 3), 0.1), "float64") @ np.full((3, 1), 0.1)).error.all()

    def test_products_that_are_0(self):
        uncertain = Running(np.ones((1, 2)), 1e-3, "float64")
        assert not (uncertain @ np.zeros((2, 1))).error.any()


class TestWhereRoundingDecides:
    """Both sides of a kink are right where rounding may put a number on either."""

    def test_undecided(self):
        z = Running(np.array([1e-17, 1.0]), np.array([1e-16, 1e-16]), "float64")
        slope = where(z > 0, Running.exact(1.0, "float64"), Running.exact(0.0, "float64"))
        assert slope.error.tolist() == [1, 0]
        assert (z * (z > 0)).error[0] >= 1e-16

    def test_exactly_0_is_decided(self):
        z = Running.exact(np.zeros(2), "float64")
        assert isinstance(z > 0, Decision)
        assert not (z > 0).undecided.any()
        assert not Textbook().relu_prime(z).error.any()


def test_a_quotient_by_what_may_be_0():
    """Nothing is known of it."""
    assert np.isinf((1.0 / Running(np.array([1e-3]), 1e-2, "float64")).error).all()


def test_what_has_no_error_here_is_refused():
    """So that no bound is ever left out."""
    z = Running.exact(np.ones(2), "float64")
    with pytest.raises(TypeError):
        np.sin(z)
    with pytest.raises(TypeError):
        np.median(z)
    with pytest.raises(TypeError, match="only squares"):
        z**3
