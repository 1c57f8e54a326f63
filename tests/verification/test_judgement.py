"""`verification.judgement`: one network judged in every detail, and blame where it belongs."""

import numpy as np
import pytest

from backproof.oracles.case import Quantity
from backproof.oracles.draw import draw_case
from backproof.verification.campaign import Progress
from backproof.verification.implementation import CouldNotLoadError, Implementation, load_implementation
from backproof.verification.judgement import judge, judge_one


def test_progress(torch_oracle):
    """A campaign says what it does, and counts."""
    told = []

    class Telling(Progress):
        def stage(self, text):
            told.append(text)

        def judged(self, networks=1):
            told.append("one")

    cases = [draw_case(0, 4), draw_case(0, 5)]
    list(judge(cases, load_implementation("backproof.reference_impl"), [torch_oracle], progress=Telling()))
    assert told == ["torch computes 2 networks", "comparing reference_impl", "one", "one"]


def test_loss_is_judged_alone(torch_oracle):
    """A wrong forward pass fails outputs, and is not blamed on the loss."""
    reference = load_implementation("backproof.reference_impl").functions
    wrong = {**reference, "forward": lambda *arguments: [a * 1.5 for a in reference["forward"](*arguments)]}
    (judgement,) = judge([draw_case(0, 48)], Implementation("planted", wrong), [torch_oracle])
    assert {record.quantity.kind for _, record in judgement.disagreements} == {"output"}


def test_lenient_disagreements_are_marked(torch_oracle):
    """The tanh form of the sigmoid disagrees strictly, would agree leniently, and does."""
    planted = Implementation("planted", {"sigmoid": lambda z: 0.5 * (1 + np.tanh(z / 2)), "relu": lambda z: z})
    case = next(case for i in range(1, 600, 6) if (case := draw_case(0, i)).x.min() < -30)
    (strict,) = judge([case], planted, [torch_oracle])
    marks = {record.quantity: record.leniently for _, record in strict.disagreements}
    assert marks == {Quantity("sigmoid"): True, Quantity("relu"): False}
    (lenient,) = judge([case], planted, [torch_oracle], "lenient")
    assert [record.quantity for _, record in lenient.disagreements] == [Quantity("relu")]


def test_judge_one():
    """One case, from names."""
    judgement = judge_one(draw_case(0, 5), "backproof.reference_impl", ["complex-step"])
    assert (judgement.disagreements, judgement.checked) == ([], True)
    with pytest.raises(CouldNotLoadError):
        judge_one(draw_case(0, 5), "no_such_module", ["complex-step"])
