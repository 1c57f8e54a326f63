"""The gradients of the loss."""

from __future__ import annotations

import pytest

from backproof.conformance.examiner import Examiner
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES


def test_backward(examine: Examiner) -> None:
    """dL/dW_i and dL/db_i for every layer, shaped as the weights and biases (N12 to N16)."""
    examine("backward")


@pytest.mark.parametrize("loss", LOSSES)
def test_backward_under(examine: Examiner, loss: str) -> None:
    """The gradient belongs to the loss that is named, with its factor and its mean."""
    examine("backward", on=lambda case: case.loss == loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_backward_counts_samples_and_outputs(examine: Examiner, loss: str) -> None:
    """sum, mean and entry_mean differ wherever there are several samples and several outputs."""
    examine("backward", on=lambda case: case.loss == loss and case.n > 2 and case.widths[-1] not in (1, 2, case.n))


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_backward_through_hidden(examine: Examiner, activation: str) -> None:
    """delta_{i-1} = (delta_i W_i) * g'(z^(i-1)), summed over the next layer's neurons (N14)."""
    examine("backward", on=lambda case: activation in case.activations[:-1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_backward_through_last(examine: Examiner, activation: str) -> None:
    """delta_L = dL/dy' times the last activation's derivative; the whole Jacobian of a softmax (N15)."""
    examine("backward", on=lambda case: case.activations[-1] == activation)


@pytest.mark.parametrize("kind", ["squared_error", "cross_entropy", "binary_cross_entropy"])
def test_backward_through_softmax(examine: Examiner, kind: str) -> None:
    """Under every loss that goes with it."""
    examine("backward", on=lambda case: case.activations[-1] == "softmax" and case.loss_parts.kind == kind)


def test_backward_of_soft_targets(examine: Examiner) -> None:
    """Labels between 0 and 1 count as what they are."""
    examine("backward", on=lambda case: bool(((case.y > 0) & (case.y < 1)).any()))


def test_backward_of_different_activations(examine: Examiner) -> None:
    """Every layer has an activation of its own."""
    examine("backward", on=lambda case: len(set(case.activations)) > 2)


def test_backward_sums_over_samples(examine: Examiner) -> None:
    """Gradients add up over the batch (N12, N13)."""
    examine("backward", on=lambda case: case.n > 4)


def test_backward_of_one_layer(examine: Examiner) -> None:
    """A network may have a single layer."""
    examine("backward", on=lambda case: case.depth == 1)


def test_backward_of_one_sample(examine: Examiner) -> None:
    """A batch may be a single sample."""
    examine("backward", on=lambda case: case.n == 1)


def test_backward_of_width_one(examine: Examiner) -> None:
    """A hidden layer may have a single neuron."""
    examine("backward", on=lambda case: 1 in case.widths[1:-1])


def test_backward_of_one_feature(examine: Examiner) -> None:
    """A sample may be a single number."""
    examine("backward", on=lambda case: case.widths[0] == 1)


def test_backward_of_square_layers(examine: Examiner) -> None:
    """Where a layer is as wide as the one before, no shape tells weights from their transpose."""
    examine("backward", on=lambda case: any(W.shape[0] == W.shape[1] > 1 for W in case.weights))


def test_backward_at_kinks(examine: Examiner) -> None:
    """relu'(0) is 0 in the chain rule, too."""
    examine("backward", profile="kinks")


def test_backward_far_out(examine: Examiner) -> None:
    """Nothing overflows where activations are flat."""
    examine("backward", profile="saturated")


def test_backward_of_vanishing_gradients(examine: Examiner) -> None:
    """Gradients keep their digits however small they are."""
    examine("backward", profile="vanishing")


def test_backward_of_integers(examine: Examiner) -> None:
    """On small integers, arithmetic makes no error at all."""
    examine("backward", profile="integers")
