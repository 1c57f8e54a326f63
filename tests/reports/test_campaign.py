"""`reports.campaign`: what is judged, in which order, and what a campaign refuses."""

import sys

import numpy as np
import pytest

from oracles.case import Quantity
from oracles.draw import draw_case
from reports.campaign import PART, Campaign, CouldNotRunError, Progress, judge, judge_one, load_oracles
from reports.implementation import CouldNotLoadError, Implementation, load_implementation


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"networks": 0}, "at least one network is needed; 0 were asked for"),
        ({"networks": -3}, "at least one network is needed; -3 were asked for"),
        ({"seed": -1}, "a seed is not negative; -1 was given"),
        ({"profile": "odd"}, "unknown profile 'odd'; there are ordinary,"),
        ({"dtypes": ("float16",)}, "unknown dtype 'float16'; there are float64, float32"),
        ({"dtypes": ()}, "at least one dtype is needed"),
        ({"oracles": ("torch", "torch")}, "each at most once"),
        ({"oracles": ("tensorflow",)}, "unknown oracle 'tensorflow'; there are torch, jax, complex-step"),
        ({"grade": "mild"}, "unknown grade 'mild'; there are strict, lenient"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Campaign(**settings)


def test_parts():
    """All networks, in their order and in every dtype, a bounded number at a time."""
    parts = list(Campaign(networks=PART + 2, profile="narrow", oracles=("torch",)).parts())
    assert [(start, len(cases)) for start, cases in parts] == [(0, 2 * PART), (PART, 4)]
    assert [(case.name, case.dtype) for case in parts[1][1]] == [
        (f"v1:narrow:0:{i}", dtype) for i in (PART, PART + 1) for dtype in ("float64", "float32")
    ]


def test_progress(torch_oracle):
    """A campaign says what it does, and counts."""
    told = []

    class Telling(Progress):
        def stage(self, text):
            told.append(text)

        def judged(self):
            told.append("one")

    cases = [draw_case(0, 4), draw_case(0, 5)]
    list(judge(cases, load_implementation("reference_impl"), [torch_oracle], progress=Telling()))
    assert told == ["torch computes 2 networks", "comparing reference_impl", "one", "one"]


def test_loss_is_judged_alone(torch_oracle):
    """A wrong forward pass fails outputs, and is not blamed on the loss."""
    reference = load_implementation("reference_impl").functions
    wrong = {**reference, "forward": lambda *arguments: [a * 1.5 for a in reference["forward"](*arguments)]}
    (judgement,) = judge([draw_case(0, 42)], Implementation("planted", wrong), [torch_oracle])
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
    judgement = judge_one(draw_case(0, 5), "reference_impl", ["complex-step"])
    assert (judgement.disagreements, judgement.checked) == ([], True)
    with pytest.raises(CouldNotLoadError):
        judge_one(draw_case(0, 5), "no_such_module", ["complex-step"])


def test_oracle_that_is_not_installed(monkeypatch):
    """The sentence says which package, and which extra has it."""
    monkeypatch.setitem(sys.modules, "oracles.torch_oracle", None)
    monkeypatch.delitem(sys.modules, "oracles.torch_oracle")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CouldNotRunError, match=r"oracle torch needs the package torch.*pip install -e '.\[verify\]'"):
        load_oracles(["torch"])


def test_oracle_that_cannot_work(monkeypatch):
    monkeypatch.setenv("JAX_ENABLE_X64", "False")
    with pytest.raises(
        CouldNotRunError, match="the oracle jax cannot work here: JAX is told to do without 64-bit floats"
    ):
        load_oracles(["jax"])
