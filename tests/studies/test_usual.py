"""`studies.usual`: each of the usual tolerances does what the function does whose name it has."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jax._src import public_test_util

from backproof.oracles.case import DTYPES, Quantity
from backproof.oracles.comparison import Problem
from backproof.oracles.jax_functions import enable_x64
from backproof.studies.usual import USUAL, usually_caught

BY_NAME = {tolerance.name: tolerance for tolerance in USUAL}


def raises(check, *arguments, **options):
    """Whether a check rejects."""
    try:
        check(*arguments, **options)
    except AssertionError:
        return True
    return False


def allclose(got, expected):
    assert np.allclose(got, expected)


def assert_close(got, expected):
    torch.testing.assert_close(torch.from_numpy(got), torch.from_numpy(expected))


def check_grads(got, expected):
    """With the tolerance that jax.test_util.check_grads has by default."""
    tolerance = public_test_util.default_gradient_tolerance
    public_test_util._assert_numpy_close(got, expected, tolerance, tolerance)


FUNCTIONS = {
    "torch assert_close": assert_close,
    "numpy assert_allclose": np.testing.assert_allclose,
    "numpy allclose": allclose,
    "jax check_grads": check_grads,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_it_is_that_function(name, dtype, data):
    """On values near what is allowed, on either side of it; on infinities and NaN."""
    # What is hardly a number in float32 any more some versions of NumPy compare with a tolerance that is 0.
    numbers = st.floats(-1e3, 1e3, width=32).filter(lambda number: number == 0 or abs(number) > 1e-25)
    numbers |= st.sampled_from([0.0, np.inf, -np.inf, np.nan, 1e-9])
    expected = np.array(data.draw(st.lists(numbers, min_size=1, max_size=4)), dtype)
    factors = data.draw(st.lists(st.sampled_from([0, 0.5, -0.9, 1.1, -3]), min_size=4, max_size=4))
    with np.errstate(invalid="ignore", divide="ignore"):
        allowed = BY_NAME[name].allowed(expected.astype(float), dtype)
        off = (expected + np.array(factors[: expected.size]) * np.where(np.isfinite(allowed), allowed, 0)).astype(dtype)
        ratio = np.abs(off.astype(float) - expected) / allowed
    if (np.abs(ratio[np.isfinite(ratio)] - 1) < 1e-2).any():
        return  # too near for rounding
    with enable_x64(dtype == "float64"):
        rejects = raises(FUNCTIONS[name], off, expected)
    assert BY_NAME[name].accepts(off, expected.astype(float), dtype) != rejects


def test_gradcheck():
    """Its defaults, and that it refuses float32."""
    import inspect

    defaults = inspect.signature(torch.autograd.gradcheck).parameters
    tolerance = BY_NAME["torch gradcheck"]
    assert tolerance.pairs == {"float64": (defaults["rtol"].default, defaults["atol"].default)}
    x = torch.ones(2, dtype=torch.float32, requires_grad=True)
    with pytest.warns(UserWarning, match="double precision"):
        torch.autograd.gradcheck(torch.sigmoid, x, raise_exception=False)


@pytest.mark.parametrize(
    ("got", "rejected"),
    [
        (np.ones(3), True),
        (np.ones((1, 2)), True),
        ("text", True),
        (None, True),
        (Problem("it raised"), True),
        (Problem("it is missing", fails=False), False),
        (np.ones(2), False),
    ],
)
def test_what_is_no_array_of_that_shape(got, rejected):
    """Everybody sees that; what is missing nobody can."""
    caught = usually_caught({Quantity("relu"): got}, {Quantity("relu"): np.ones(2)}, "float64")
    assert caught == (set(BY_NAME) if rejected else set())


def test_dtype():
    """Another dtype is seen by PyTorch's function alone."""
    caught = usually_caught({Quantity("relu"): np.ones(2, np.float32)}, {Quantity("relu"): np.ones(2)}, "float64")
    assert caught == {"torch assert_close"}
