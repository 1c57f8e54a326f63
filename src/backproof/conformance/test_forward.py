"""The forward pass."""

from __future__ import annotations

import pytest

from backproof.conformance.examiner import Examiner
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS


def test_forward_gives_x_first(examine: Examiner) -> None:
    """The first of the L + 1 arrays is x."""
    examine("forward", only=lambda quantity: quantity.layer == 0)


def test_forward(examine: Examiner) -> None:
    """x^(i+1) = g_i(x^(i) W_i^T + b_i), for every layer (N1, N4, N11)."""
    examine("forward")


@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_forward_through_hidden(examine: Examiner, activation: str) -> None:
    """A hidden layer applies the activation that is named for it."""
    examine("forward", on=lambda case: activation in case.activations[:-1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_through_last(examine: Examiner, activation: str) -> None:
    """So does the last layer, which may have a softmax."""
    examine("forward", on=lambda case: case.activations[-1] == activation)


def test_forward_of_different_activations(examine: Examiner) -> None:
    """Every layer has an activation of its own."""
    examine("forward", on=lambda case: len(set(case.activations)) > 2)


def test_forward_of_one_layer(examine: Examiner) -> None:
    """A network may have a single layer."""
    examine("forward", on=lambda case: case.depth == 1)


def test_forward_of_one_sample(examine: Examiner) -> None:
    """A batch may be a single sample; its axis stays."""
    examine("forward", on=lambda case: case.n == 1)


def test_forward_of_width_one(examine: Examiner) -> None:
    """A hidden layer may have a single neuron."""
    examine("forward", on=lambda case: 1 in case.widths[1:-1])


def test_forward_of_one_feature(examine: Examiner) -> None:
    """A sample may be a single number."""
    examine("forward", on=lambda case: case.widths[0] == 1)


def test_forward_far_out(examine: Examiner) -> None:
    """Nothing overflows where activations are flat."""
    examine("forward", profile="saturated")


def test_forward_of_integers(examine: Examiner) -> None:
    """On small integers, arithmetic makes no error at all."""
    examine("forward", profile="integers")
