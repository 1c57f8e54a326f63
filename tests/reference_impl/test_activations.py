"""`reference_impl.activations`: values that can be worked out by hand, extremes, dtypes, derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from backproof import reference_impl
from backproof.reference_impl import activations

ELEMENTWISE = ("identity", "sigmoid", "relu", "tanh")
EXTREMES = [-np.inf, -1e308, -1000.0, -745.2, -709.8, -88.8, -0.0, 0.0, 88.8, 709.8, 745.2, 1000.0, 1e308, np.inf]


def test_values_by_hand():
    """At points where the functions' values are known."""
    z = np.array([-1.0, 0.0, np.log(3)])
    assert reference_impl.sigmoid(z)[1:].tolist() == [0.5, 0.75]
    assert reference_impl.sigmoid_prime(z)[1:].tolist() == [0.25, 0.1875]
    assert reference_impl.relu(z)[:2].tolist() == [0.0, 0.0]
    assert reference_impl.relu_prime(z).tolist() == [0.0, 0.0, 1.0]
    assert reference_impl.tanh(z)[1:].tolist() == [0.0, 0.8]
    assert reference_impl.tanh_prime(z)[1:] == pytest.approx([1.0, 0.36], rel=1e-15)
    assert reference_impl.identity(z).tolist() == z.tolist()
    assert reference_impl.identity_prime(z).tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [f"{name}{suffix}" for name in ELEMENTWISE for suffix in ("", "_prime")])
class TestEveryFunction:
    """What holds for each activation and each derivative."""

    def test_extremes(self, name, dtype):
        """The whole float range gives finite values, or the identity's own, without a warning."""
        z = np.array(EXTREMES).clip(np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)
        value = getattr(reference_impl, name)(z)
        assert np.isfinite(value).all()

    def test_infinities(self, name, dtype):
        """Infinite arguments give the limits."""
        value = getattr(reference_impl, name)(np.array([-np.inf, np.inf], dtype))
        limits = {
            "identity": [-np.inf, np.inf],
            "identity_prime": [1, 1],
            "sigmoid": [0, 1],
            "relu": [0, np.inf],
            "relu_prime": [0, 1],
            "tanh": [-1, 1],
        }
        assert value.tolist() == limits.get(name, [0, 0])

    @given(arrays(np.float64, array_shapes(min_dims=0, max_dims=3), elements=st.floats(-100, 100)))
    def test_shape_and_dtype(self, name, dtype, z):
        """Any shape is kept, and the dtype is."""
        value = getattr(reference_impl, name)(np.asarray(z, dtype))
        assert (np.shape(value), value.dtype) == (np.shape(z), dtype)


def test_nan_stays():
    """NaN in, NaN out, but for derivatives that do not depend on z."""
    for name in ("identity", "sigmoid", "sigmoid_prime", "relu", "tanh", "tanh_prime"):
        assert np.isnan(getattr(reference_impl, name)(np.array([np.nan]))).all(), name


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-700, 700)))
def test_sigmoid_identity(z):
    """N3: g' = g (1 - g); and g(-z) = 1 - g(z)."""
    a = reference_impl.sigmoid(z)
    assert (reference_impl.sigmoid_prime(z) == a * (1 - a)).all()
    assert np.allclose(reference_impl.sigmoid(-z), 1 - a, rtol=0, atol=3e-16)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2), elements=st.floats(-700, 700)))
def test_softmax_rows(z):
    """Rows are positive, sum to 1, and do not change when a number is added to all of a row."""
    a = reference_impl.softmax(z)
    assert (a >= 0).all()
    assert a.sum(axis=1) == pytest.approx(1, abs=1e-14)
    assert np.allclose(reference_impl.softmax(z + 1.0), a, rtol=1e-11, atol=1e-300)


def test_softmax_extremes():
    """Logits far apart, and rows far apart from each other, overflow nothing."""
    z = np.array([[1000.0, 0.0], [-1000.0, -1000.0], [1e308, -1e308]])
    with np.errstate(over="ignore"):
        assert reference_impl.softmax(z).tolist() == [[1, 0], [0.5, 0.5], [1, 0]]


def test_softmax_of_two_is_the_sigmoid():
    """softmax([z, 0]) = [sigmoid(z), sigmoid(-z)]."""
    z = np.linspace(-30, 30, 61)
    expected = np.stack([reference_impl.sigmoid(z), reference_impl.sigmoid(-z)], axis=1)
    assert np.allclose(reference_impl.softmax(np.stack([z, 0 * z], axis=1)), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_jacobian(dtype):
    """By hand for two outputs, symmetric, with rows that sum to 0, in the dtype of z."""
    z = np.array([[np.log(3), 0.0], [0.0, 0.0]], dtype)
    J = reference_impl.softmax_jacobian(z)
    assert J.dtype == dtype
    assert np.allclose(J[0], [[0.1875, -0.1875], [-0.1875, 0.1875]], atol=1e-7)
    assert np.allclose(J[1], [[0.25, -0.25], [-0.25, 0.25]], atol=1e-7)
    assert (J.transpose(0, 2, 1) == J).all()


@given(arrays(np.float64, (3,), elements=st.floats(-20, 20)))
def test_derivatives_of_outputs(z):
    """The forms that backpropagation uses, from a = g(z), are the derivatives at z."""
    for name in ("sigmoid", "relu", "tanh"):
        of_output = getattr(activations, f"{name}_prime_of_output")(getattr(activations, name)(z))
        assert (of_output == getattr(activations, f"{name}_prime")(z)).all()


def test_results_are_new_arrays():
    """The identity too gives an array of its own."""
    z = np.ones((2, 2))
    assert not np.shares_memory(reference_impl.identity(z), z)
