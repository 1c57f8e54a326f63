"""An independent third party: scikit-learn's own backpropagation verifies, under the convention that it really uses."""

from dataclasses import replace

import numpy as np
import pytest

from oracles.case import Case
from oracles.draw import draw_case
from reference_impl.contract import HIDDEN_ACTIVATIONS
from reports.implementation import load_implementation
from reports.judgement import judge


def as_scikit_learn_does_it(case: Case, hidden: str, loss: str = "half_squared_error_mean") -> Case:
    """The same network with one hidden activation, none in the last layer, and this loss."""
    return replace(case, activations=(*[hidden] * (case.depth - 1), "identity"), loss=loss, name="")


@pytest.fixture(scope="module")
def cases():
    """Three hundred networks with each hidden activation in turn."""
    drawn = [draw_case(2, i) for i in range(300)]
    return [as_scikit_learn_does_it(case, HIDDEN_ACTIVATIONS[i % 4]) for i, case in enumerate(drawn)]


@pytest.fixture(scope="module")
def scikit_learn():
    return load_implementation("tests.third_party.scikit_learn")


def test_gradients_verify(cases, scikit_learn, torch_oracle):
    """In float64, on every network."""
    judgements = list(judge(cases, scikit_learn, [torch_oracle]))
    assert [judgement.case for judgement in judgements if judgement.disagreements] == []
    kinds = ("output", "dW", "db")
    checked = [
        record.verdict == "agrees"
        for judgement in judgements
        for record in judgement.records["torch"]
        if record.quantity.kind in kinds
    ]
    assert np.mean(checked) > 0.99


def test_the_convention_is_the_right_one(cases, scikit_learn, torch_oracle):
    """Declared as the mean over entries, as its loss value is, the gradients disagree for more than one output."""
    backward = scikit_learn.functions["backward"]
    declared = replace(
        scikit_learn,
        functions={"backward": lambda *arguments: backward(*arguments[:-1], "half_squared_error_mean")},
    )
    several = [replace(case, loss="half_squared_error_entry_mean") for case in cases[:60] if case.widths[-1] > 1]
    wrong = [bool(judgement.disagreements) for judgement in judge(several, declared, [torch_oracle])]
    assert np.mean(wrong) > 0.9


def test_what_it_does_not_do_is_unchecked(scikit_learn, torch_oracle):
    """Networks and losses that it has no convention for are not held against it."""
    (judgement,) = judge([draw_case(0, 0)], scikit_learn, [torch_oracle])
    assert {record.verdict for record in judgement.records["torch"]} == {"unchecked"}
