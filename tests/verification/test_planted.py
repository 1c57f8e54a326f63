"""Planted mistakes are caught, every one of them, and soon; so is a gradient entry that is off in the tenth digit."""

import numpy as np
import pytest

from backproof.mistakes.accepted import Exponentials, Products
from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.textbook import Textbook
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Quantity
from backproof.oracles.comparison import NOTHING, compare
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import MAX_DEPTH
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from backproof.verification.judgement import allowances, judge


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
    drawn = [draw_case(5, i, "ordinary") for i in range(280)]
    cases = [case for case in drawn if case.depth <= MAX_DEPTH and np.abs(case.x).max() < 1e4]
    rng, wrong = np.random.default_rng(0), {}
    for case in cases:
        gradients = reference.functions["backward"](
            case.weights, case.biases, case.x, case.y, case.activations, case.loss
        )
        entries = [
            (part, t, tuple(index))
            for part, arrays in enumerate(gradients)
            for t, array in enumerate(arrays)
            for index in np.argwhere(np.abs(array) > 1e-290)
        ]
        if entries:
            wrong[_name(case.weights, case.x)] = entries[rng.integers(len(entries))]

    def backward(weights, biases, x, *others):
        """Wrong on these networks alone, and whenever it is asked about them."""
        gradients = reference.functions["backward"](weights, biases, x, *others)
        if (network := _name(weights, x)) in wrong:
            part, t, index = wrong[network]
            gradients[part][t][index] *= 1 + 1e-9
        return gradients

    tried = [case for case in cases if _name(case.weights, case.x) in wrong]
    caught = sum(
        bool(judgement.disagreements)
        for judgement in judge(tried, Implementation("planted", {"backward": backward}), [torch_oracle])
    )
    assert len(tried) > 220
    assert caught / len(tried) >= 0.99


def _name(weights, x):
    """What tells a network from others that have its samples or its parameters."""
    return weights[0].tobytes(), x.tobytes()


# What says nothing of a gradient, or the wrong way, or too much of it.
SPOILED = {"zeros": lambda g: 0 * g, "doubled": lambda g: 2 * g, "other sign": lambda g: -g}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("profile", ["ordinary"])
def test_a_gradient_that_is_checked_is_told_from_zeros(profile, dtype, torch_oracle):
    """On every network, wherever anything of an honest gradient is checked: zeros, its double, its opposite disagree.

    But where all that is checked is 0 as far as the precision goes: that is its own double.
    """
    cases, checked = [draw_case(11, i, profile).cast(dtype) for i in range(300)], 0
    both = bounds(cases, [NUMPY[dtype], torch_oracle.arithmetic], shared=True)
    for case, answer, found in zip(cases, torch_oracle.answers(cases), both, strict=True):
        own, theirs = found.allowances
        theirs = allowances(torch_oracle, theirs, answer, own)
        allowed = {quantity: own[quantity] + theirs[quantity] for quantity in answer}
        arguments = (case.weights, case.biases, case.x, case.y, case.activations, case.loss)
        gradients = {Quantity("dW", t): dW for t, dW in enumerate(Textbook().backward(*arguments)[0], 1)}
        expected = {quantity: answer[quantity] for quantity in gradients}
        honest = compare(gradients, expected, allowed, dtype)
        assert not any(record.failures for record in honest)
        for name, spoil in SPOILED.items():
            spoiled = compare({q: spoil(g) for q, g in gradients.items()}, expected, allowed, dtype)
            for before, after in zip(honest, spoiled, strict=True):
                if before.verdict == "agrees" and before.all_expected > NOTHING[dtype] * before.entries:
                    assert after.verdict == "disagrees", (case.name, before.quantity, name)
                    checked += 1
    assert checked > 3 * 900


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
