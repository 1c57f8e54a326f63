"""`oracles.attribution`: whoever is moved away from the certified value is named, and nobody else."""

import numpy as np
import pytest

from backproof.oracles.attribution import Attribution
from backproof.oracles.bounds import NUMPY, TORCH, bounds
from backproof.oracles.case import Quantity
from backproof.oracles.draw import draw_case
from backproof.verification.implementation import Implementation, load_implementation
from backproof.verification.judgement import judge
from tests.oracles.test_certified import kink
from tests.quick import first

GRADIENT = Quantity("dW", 1)


class Moved:
    """An oracle whose gradients are off by a relative 1e-9."""

    def __init__(self, oracle):
        self.name, self.arithmetic, self.oracle = "moved", oracle.arithmetic, oracle

    def answers(self, cases):
        return [answer | {GRADIENT: answer[GRADIENT] * (1 + 1e-9)} for answer in self.oracle.answers(cases)]


def moved_implementation(factor):
    """The reference implementation with the first layer's gradient multiplied."""
    reference = load_implementation("backproof.reference_impl")

    def backward(*arguments):
        dW, db = reference.functions["backward"](*arguments)
        return [dW[0] * factor, *dW[1:]], db

    return Implementation("planted", {**reference.functions, "backward": backward})


@pytest.mark.parametrize(
    ("implementation", "oracle", "dtype", "outside"),
    first(
        3,
        [
            (1 + 1e-2, False, "float32", "implementation"),
            (1, True, "float64", "oracle"),
            (1 - 1e-4, True, "float64", "both"),
            (1 + 1e-4, False, "float64", "implementation"),
            (1 - 1e-2, True, "float32", "both"),
        ],
    ),
)
def test_who_is_wrong(implementation, oracle, dtype, outside, torch_oracle):
    """One of them moved, or both."""
    cases = [draw_case(1, i, "ordinary").cast(dtype) for i in range(30)]
    witness = Moved(torch_oracle) if oracle else torch_oracle
    found = [
        record.outside
        for judgement in judge(cases, moved_implementation(implementation), [witness])
        for _, record in judgement.disagreements
        if record.quantity == GRADIENT
    ]
    assert len(found) >= 20
    assert set(found) == {outside}


def test_two_witnesses_one_of_them_wrong(torch_oracle):
    """The verdict against each names the one that is wrong."""
    (judgement,) = judge(
        [draw_case(0, 48)], load_implementation("backproof.reference_impl"), [torch_oracle, Moved(torch_oracle)]
    )
    assert {(oracle, record.outside) for oracle, record in judgement.disagreements} == {("moved", "oracle")}


def test_outside_its_own_bound_though_they_agree(torch_oracle):
    """An oracle that is off by more than its own bound, and by less than both together, is found when looked for."""
    case, reference = draw_case(0, 48), load_implementation("backproof.reference_impl")
    (theirs,) = bounds([case], [torch_oracle.arithmetic])[0].allowances

    class SlightlyOff(Moved):
        def answers(self, cases):
            return [
                answer | {GRADIENT: answer[GRADIENT] + 1.5 * theirs[GRADIENT]} for answer in torch_oracle.answers(cases)
            ]

    witness = SlightlyOff(torch_oracle)
    (unattributed,) = judge([case], reference, [witness])
    (attributed,) = judge([case], reference, [witness], attribute=True)
    assert unattributed.disagreements == []
    assert [(record.quantity, record.outside) for _, record in attributed.disagreements] == [(GRADIENT, "oracle")]
    assert {record.outside for record in attributed.records["moved"]} == {"oracle", "neither"}


def test_nothing_to_attribute(torch_oracle):
    """What agrees, and what has no values, is left alone."""
    functions = {"relu": lambda z: "text", "tanh": np.tanh}
    (judgement,) = judge([draw_case(0, 0)], Implementation("planted", functions), [torch_oracle])
    assert {record.outside for record in judgement.records["torch"]} == {""}


def test_undecided():
    """Where a kink keeps the truth from being enclosed, nobody is blamed."""
    case = kink()
    (allowed,) = bounds([case], [NUMPY["float64"]])[0].allowances
    allowed = {
        quantity: np.where(np.isinf(bound), 1e-12, np.minimum(bound, 1e-12)) for quantity, bound in allowed.items()
    }
    certified = Attribution(case, allowed)
    quantity = Quantity("db", 2)
    assert certified.side(quantity, np.array([-2.0]), allowed[quantity]) == "undecided"
    assert (
        certified.outside(quantity, np.zeros(1), allowed[quantity], -2 * np.ones(1), allowed[quantity]) == "undecided"
    )


def test_exact_values_have_no_tolerance():
    """On an integer network the smallest step off is outside for an output; a gradient may be rounded."""
    case, output = draw_case(0, 4, "integers"), Quantity("output", 1)
    own, theirs = bounds([case], [NUMPY["float64"], TORCH["float64"]])[0].allowances
    certified = Attribution(case, own)

    def outside(quantity, add):
        right = certified.enclosure.high[quantity]
        entry = np.abs(right).argmax()
        wrong = right.copy()
        wrong.flat[entry] = add(right.flat[entry], own[quantity].flat[entry])
        return certified.outside(quantity, wrong, own[quantity], right, theirs[quantity])

    def next_larger(value, _):
        return np.nextafter(value, np.inf)

    assert outside(output, lambda value, _: value) == "neither"
    assert outside(output, next_larger) == "implementation"
    assert outside(GRADIENT, next_larger) == "neither"
    assert outside(GRADIENT, lambda value, allowed: value + 1.1 * allowed) == "implementation"
