"""Planted mistakes are caught, every one of them, and soon; so is a gradient entry that is off in the tenth digit."""

import numpy as np
import pytest

from backproof.mistakes.accepted import Exponentials, Products
from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import MAX_DEPTH
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from backproof.verification.judgement import judge


@pytest.fixture(scope="module")
def cases():
    """Fifty networks of all profiles: the first twenty of them show every mistake."""
    return [draw_case(0, i) for i in range(50)]


class Known:
    """An oracle whose answers were worked out before: the same cases are judged many times."""

    def __init__(self, oracle, cases):
        self.name, self.arithmetic = oracle.name, oracle.arithmetic
        self._answers = {id(case): answer for case, answer in zip(cases, oracle.answers(cases), strict=True)}

    def answers(self, cases):
        return [self._answers[id(case)] for case in cases]


@pytest.fixture(scope="module")
def known(cases):
    """PyTorch's answers to the fifty networks."""
    from backproof.oracles.registry import load_oracle

    return Known(load_oracle("torch"), cases)


def test_there_are_many():
    assert len(MISTAKES) >= 40


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_caught_within_twenty_networks(mistake, cases, known):
    """In float64, against PyTorch alone."""
    implementation = as_implementation(MISTAKES[mistake]())
    assert any(judgement.disagreements for case in cases[:20] for judgement in judge([case], implementation, [known]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("forms", [Textbook, Products, Exponentials])
def test_conventions_are_not_mistakes(forms, dtype, cases, torch_oracle):
    """The textbook, and other forms of its functions and sums: each within its own bound of the certified values."""
    cast = [case.cast(dtype) for case in cases]
    judgements = judge(cast, as_implementation(forms()), [torch_oracle], attribute=True)
    alarms = [(judgement.case, judgement.disagreements) for judgement in judgements if judgement.disagreements]
    assert not alarms


def test_a_relative_error_of_1e_9(torch_oracle):
    """One gradient entry off by 1e-9 of itself is caught on at least 99 % of ordinary networks.

    Larger ones are left out, and those with inputs of 10^4 and more: their softmaxes are certain, and little is left.
    """
    reference = load_implementation("backproof.reference_impl")
    drawn = [draw_case(5, i, "ordinary") for i in range(270)]
    cases = [case for case in drawn if case.depth <= MAX_DEPTH and np.abs(case.x).max() < 1e4]
    rng, wrong = np.random.default_rng(0), {}
    for case in cases:
        gradients = reference.functions["backward"](
            case.weights, case.biases, case.x, case.y, case.activations, case.loss
        )
        entries = [
            (array, index) for part in gradients for array in part for index in np.argwhere(np.abs(array) > 1e-290)
        ]
        if entries:
            array, index = entries[rng.integers(len(entries))]
            array[tuple(index)] *= 1 + 1e-9
            wrong[case.weights[0].tobytes()] = gradients
    planted = Implementation("planted", {"backward": lambda W, *_: wrong[W[0].tobytes()]})
    tried = [case for case in cases if case.weights[0].tobytes() in wrong]
    caught = sum(bool(judgement.disagreements) for judgement in judge(tried, planted, [torch_oracle]))
    assert len(tried) > 220
    assert caught / len(tried) >= 0.99


def test_a_planted_gradient_fails_no_other_quantity(torch_oracle):
    """Blame stays where it belongs: only the array that was changed disagrees."""
    reference = load_implementation("backproof.reference_impl")
    case = draw_case(0, 48)

    def backward(*arguments):
        dW, db = reference.functions["backward"](*arguments)
        dW[1] = dW[1] * 1.5
        return dW, db

    planted = Implementation("planted", {**reference.functions, "backward": backward})
    (judgement,) = judge([case], planted, [torch_oracle])
    assert [record.quantity for _, record in judgement.disagreements] == [Quantity("dW", 2)]
