"""`reference_impl.losses`: every loss by hand, its scale, its edges, its gradient."""

import numpy as np
import pytest

from backproof import reference_impl
from backproof.reference_impl.contract import DEFAULT_LOSS, LOSSES, find_loss
from backproof.reference_impl.losses import loss_gradient, weighted_loss_gradient

P = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
Y = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])

# Sums of terms over samples and outputs, with log 2 = 1 unit of the entropies.
SQUARED = 0.25 + 0.0625 + 0.0625 + 0.0625 + 0.0 + 0.0625
CROSS = np.log(2) * (1 + 0.5 + 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("squared_error_sum", SQUARED),
        ("squared_error_mean", SQUARED / 2),
        ("squared_error_entry_mean", SQUARED / 6),
        ("half_squared_error_sum", SQUARED / 2),
        ("half_squared_error_mean", SQUARED / 4),
        ("half_squared_error_entry_mean", SQUARED / 12),
        ("cross_entropy_sum", CROSS),
        ("cross_entropy_mean", CROSS / 2),
    ],
)
def test_values_by_hand(name, expected):
    """Kind, factor and reduction of each loss."""
    assert reference_impl.loss(P, Y, name) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(("reduction", "divisor"), [("sum", 1), ("mean", 2), ("entry_mean", 6)])
def test_binary_cross_entropy(reduction, divisor):
    """-(y log p + (1 - y) log(1 - p)), summed and averaged."""
    terms = -(Y * np.log(P) + (1 - Y) * np.log(1 - P))
    assert reference_impl.loss(P, Y, f"binary_cross_entropy_{reduction}") == pytest.approx(
        terms.sum() / divisor, rel=1e-15
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_scalar_of_the_dtype(name, dtype):
    """A loss is a scalar, in the dtype of the prediction."""
    value = reference_impl.loss(P.astype(dtype), Y.astype(dtype), name)
    assert (np.shape(value), value.dtype) == ((), dtype)


def test_zero_times_log_zero():
    """A right prediction with full confidence costs nothing, without a warning."""
    certain = np.array([[1.0, 0.0]])
    assert reference_impl.loss(certain, certain, "cross_entropy_sum") == 0
    assert reference_impl.loss(certain, certain, "binary_cross_entropy_sum") == 0


def test_wrong_with_full_confidence():
    """A wrong one costs infinitely much, and NumPy says so."""
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert reference_impl.loss(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), "cross_entropy_sum") == np.inf


@pytest.mark.parametrize("name", LOSSES)
def test_gradient_is_the_derivative(name):
    """By the complex step, which needs no subtraction."""
    step = 1e-100
    for index in np.ndindex(P.shape):
        stepped = P.astype(complex)
        stepped[index] += 1j * step
        terms = {
            "squared_error": (stepped - Y) ** 2,
            "cross_entropy": -Y * np.log(stepped),
            "binary_cross_entropy": -(Y * np.log(stepped) + (1 - Y) * np.log(1 - stepped)),
        }[find_loss(name).kind]
        slope = terms.sum().imag / step * find_loss(name).scale(*Y.shape)
        assert loss_gradient(P, Y, name)[index] == pytest.approx(slope, rel=1e-14)
        assert weighted_loss_gradient(P, Y, name)[index] == pytest.approx(P[index] * slope, rel=1e-14)


def test_n15():
    """Under the default loss dL/dp is (1/n)(p - y), as N15 says, with n the number of samples."""
    assert (loss_gradient(P, Y, DEFAULT_LOSS) == (P - Y) / 2).all()


def test_unknown_loss():
    """A name that says neither factor nor reduction is refused, and the known ones are listed."""
    with pytest.raises(ValueError, match="unknown loss 'mse'; the contract knows squared_error_sum"):
        reference_impl.loss(P, Y, "mse")
