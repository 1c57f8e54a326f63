"""`oracles.exact`: what is called exact is, in every order of operations, and what may round is not called so."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.exact import exact_answer
from backproof.oracles.profiles import DRAWN
from tests.oracles.test_certified import rational_answer

INTEGERS = [draw_case(0, i, "integers") for i in range(120)]
KINDS = ("output", "loss", "dW", "db", "step_W", "step_b")


def one_layer(x, W, y=0.0, activation="identity", loss="squared_error_sum", **others) -> Case:
    return Case(
        (np.array([[W]]),), (np.zeros(1),), np.array([[x]]), np.array([[y]]), (activation,), loss, 0.5, **others
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_integer_networks_are_exact(dtype):
    """All quantities that can be, with the values that Fractions give; and the bounds of outputs come to the same."""
    for case in INTEGERS:
        found = exact_answer(case.cast(dtype))
        expected = rational_answer(case)
        assert set(found.values) == {q for q in case.quantities if q.kind in KINDS and q != Quantity("output", 0)}
        assert max(found.digits.values()) <= 24
        for quantity, values in found.values.items():
            assert [Fraction(value) for value in values.flat] == list(np.ravel(expected[quantity]))
        (allowed,) = bounds([case.cast(dtype)], [NUMPY[dtype]])[0].allowances
        assert not any(allowed[quantity].any() for quantity in found.values if quantity.kind == "output")


def test_everybody_agrees_to_the_bit(torch_oracle, jax_oracle, complex_step_oracle):
    """NumPy in both precisions, and all oracles."""
    from backproof import reference_impl

    answers = [oracle.answers(INTEGERS) for oracle in (torch_oracle, jax_oracle, complex_step_oracle)]
    for case, *others in zip(INTEGERS, *answers, strict=True):
        exact = exact_answer(case).values
        for answer in others:
            assert all(np.array_equal(answer[quantity], values) for quantity, values in exact.items())
        for dtype in ("float64", "float32"):
            cast = case.cast(dtype)
            arguments = (cast.weights, cast.biases, cast.x, cast.y, cast.activations, cast.loss)
            for i, (dW, db) in enumerate(zip(*reference_impl.backward(*arguments), strict=True), 1):
                assert np.array_equal(dW, exact[Quantity("dW", i)])
                assert np.array_equal(db, exact[Quantity("db", i)])


@pytest.mark.parametrize("profile", [profile for profile in DRAWN if profile != "integers"])
def test_others_are_not(profile):
    """Random numbers have too many digits, but for a product with 0 now and then."""
    for i in range(60):
        case = draw_case(3, i, profile)
        (allowed,) = bounds([case], [NUMPY["float64"]])[0].allowances
        assert all(not allowed[quantity].any() for quantity in exact_answer(case).values), case


class TestDigits:
    """How many binary digits an operation needs, and where there are not enough."""

    @pytest.mark.parametrize(("x", "digits"), [(1.0, 1), (5.0, 3), (0.375, 2), (4096.0, 13)])
    def test_of_a_product(self, x, digits):
        """3 digits for 5, and 2 for 0.375 = 3/8; a power of two is 1 and zeros."""
        found = exact_answer(one_layer(x, 1.0))
        assert found.digits[Quantity("output", 1)] == digits

    def test_24_digits_are_all_that_float32_has(self):
        """4095 * 4097 = 2^24 - 1 is a float32, and 4097 * 4097 is none."""
        for x, W, there in ((4095.0, 4097.0, True), (4097.0, 4097.0, False)):
            found = exact_answer(one_layer(x, W).cast("float32"))
            assert (Quantity("output", 1) in found.values) == there
            assert Quantity("output", 1) in exact_answer(one_layer(x, W)).values

    def test_order_of_a_sum(self):
        """2^53 + 1 - 1 is 2^53 in one order only: what counts is the sum of absolute values."""
        W, x = np.array([[2.0**52, 2.0**52, 1.0, -1.0]]), np.ones((1, 4))
        case = Case((W,), (np.zeros(1),), x, np.zeros((1, 1)), ("identity",), "squared_error_sum", 0.5)
        assert Quantity("output", 1) not in exact_answer(case).values

    def test_a_quantity_may_be_exact_where_another_is_not(self):
        """The loss needs twice the digits of the output."""
        found = exact_answer(one_layer(1.0, 2.0**20 + 1).cast("float32"))
        assert {str(quantity) for quantity in found.values} == {"output[1]", "dW[1]", "db[1]", "step_W[1]", "step_b[1]"}

    def test_a_mean_over_three(self):
        """1/3 has no last digit: the outputs are exact, and neither loss nor gradients."""
        x = np.array([[1.0], [2.0], [3.0]])
        case = Case((np.ones((1, 1)),), (np.zeros(1),), x, np.zeros((3, 1)), ("relu",), "squared_error_mean", 0.5)
        found = {str(quantity) for quantity in exact_answer(case).values}
        assert found == {"output[1]", "step_W[1]", "step_b[1]"}
        assert "loss" in {str(q) for q in exact_answer(replace(case, loss="squared_error_sum")).values}

    def test_underflow(self):
        """2^-600 has one digit, and its square is below all numbers."""
        assert Quantity("output", 1) not in exact_answer(one_layer(2.0**-600, 2.0**-600)).values
        assert Quantity("output", 1) in exact_answer(one_layer(2.0**-500, 2.0**-500)).values

    def test_logarithms_are_not_rational(self):
        case = one_layer(1.0, 1.0, activation="sigmoid", loss="binary_cross_entropy_sum")
        assert exact_answer(case).values == {}
        assert exact_answer(one_layer(1.0, 1.0, activation="tanh")).values == {}


def test_relu_at_zero():
    """Its derivative is 0 there, in exact mode too."""
    found = exact_answer(one_layer(0.0, 1.0, y=-1.0, activation="relu"))
    assert found.values[Quantity("db", 1)] == 0
