"""Exact mode in a verification: where nothing has to be rounded, what is exact is counted, and nobody is accused."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from backproof import reference_impl
from backproof.oracles.case import Quantity
from backproof.oracles.draw import draw_case
from backproof.reports.terminal import case_view
from backproof.verification.adapters import gradients_from_step
from backproof.verification.approximate import Approximate
from backproof.verification.campaign import Campaign
from backproof.verification.implementation import Implementation, load_implementation
from backproof.verification.judgement import judge
from backproof.verification.records import QUANTITIES
from tests.reports.test_rendering import in_terminal
from tests.verification.test_part import part
from tests.verifying import verify

# By so much the last bit of a number changes; so much no rounding explains.
LAST_BIT, MORE = 1 + 2.0**-52, 1 + 1e-9


class Agreeing:
    """A witness that says whatever the wrong implementation says, and knows no exact values."""

    def __init__(self, oracle, factor):
        self.name, self.arithmetic, self.oracle, self.factor = oracle.name, oracle.arithmetic, oracle, factor

    def answers(self, cases):
        return [
            {q: v * self.factor if q.kind == "loss" else v for q, v in a.items()} for a in self.oracle.answers(cases)
        ]


def with_loss(factor):
    """The reference implementation with the loss multiplied."""
    functions = dict(load_implementation("backproof.reference_impl").functions)
    loss = functions["loss"]
    functions["loss"] = lambda *arguments: loss(*arguments) * factor
    return Implementation("planted", functions)


def test_counted_and_said(tmp_path):
    """In the verdict, the JSON, the Markdown and on the page: how many, in how many digits."""
    report = verify(
        "backproof.reference_impl", Campaign(networks=24, profile="integers", oracles=("torch",)), tmp_path, page=True
    )
    assert report.verdict == "agree"
    assert [(mode.dtype, mode.networks) for mode in report.exact] == [("float64", 24), ("float32", 24)]
    assert all(0 < mode.digits <= 24 < mode.entries for mode in report.exact)
    assert [mode.inexact for mode in report.exact] == [0, 0]
    assert "; of networks where nothing has to be rounded 24 of 24 are exact, to the bit" in report.summary
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert "numbers of 24 networks need no rounding, in at most" in text
        assert "that is proven. All are exact, to the bit." in text
        assert "something is not exact" not in text
    assert json.loads((tmp_path / "report.json").read_bytes())["exact"][0]["networks"] == 24
    assert report.summary in " ".join(in_terminal(report).split())


def test_the_last_bit_is_a_remark(torch_oracle):
    """Off by the last bit, the loss agrees and is not exact, whatever a witness says; off by more, it disagrees."""
    cases, loss = [draw_case(0, i, "integers") for i in range(20)], Quantity("loss")
    for witness in (torch_oracle, Agreeing(torch_oracle, LAST_BIT)):
        for judgement in judge(cases, with_loss(LAST_BIT), [witness]):
            assert judgement.disagreements == []
            assert judgement.inexact == ((loss,) if judgement.exact.values[loss] else ())
            remark = "Not exact, to the bit: loss." if judgement.inexact else "All are exact, to the bit."
            console = Console(width=200, record=True, file=io.StringIO())
            console.print(case_view(judgement))
            assert remark in " ".join(console.export_text().split())
    for judgement in judge(cases, with_loss(MORE), [torch_oracle]):
        found = [(record.quantity, record.outside) for _, record in judgement.disagreements]
        assert found == ([(loss, "implementation")] if judgement.exact.values[loss] else [])


def test_the_last_bit_of_an_output_counts(torch_oracle):
    """Nothing at all is allowed there."""
    functions = dict(load_implementation("backproof.reference_impl").functions)
    forward = functions["forward"]
    functions["forward"] = lambda *given: [given[2], *(a * LAST_BIT for a in forward(*given)[1:])]
    (judgement,) = judge([draw_case(0, 5, "integers")], Implementation("planted", functions), [torch_oracle])
    assert {(record.quantity.kind, record.outside) for _, record in judgement.disagreements} == {
        ("output", "implementation")
    }
    assert {record.allowed for _, record in judgement.disagreements} == {0.0}
    assert {quantity.kind for quantity in judgement.inexact} == {"output"}


def test_a_witness_is_wrong(torch_oracle):
    """It is the witness that is named."""
    (judgement,) = judge([draw_case(0, 4, "integers")], with_loss(1), [Agreeing(torch_oracle, MORE)])
    assert {record.outside for _, record in judgement.disagreements} == {"oracle"}
    assert judgement.inexact == ()


def test_signs_of_zeros_are_free(torch_oracle):
    """-0 is 0."""
    functions = dict(load_implementation("backproof.reference_impl").functions)
    forward = functions["forward"]
    functions["forward"] = lambda *arguments: [np.where(a == 0, -0.0, a) for a in forward(*arguments)]
    cases = [draw_case(0, i, "integers") for i in range(20)]
    judgements = list(judge(cases, Implementation("planted", functions), [torch_oracle]))
    assert not any(judgement.disagreements for judgement in judgements)
    assert any((judgement.exact.values[Quantity("output", 1)] == 0).any() for judgement in judgements)


def test_what_is_declared_to_be_approximate(torch_oracle):
    """An adapter's own error is allowed on an exact network too, and no more than it."""
    case = draw_case(0, 4, "integers")
    for error, agrees in ((1e-6, True), (1e-17, False)):
        functions = dict(load_implementation("backproof.reference_impl").functions)
        loss = functions["loss"]
        functions["loss"] = lambda *given, loss=loss, error=error: Approximate.of(loss(*given) * MORE, error)
        (judgement,) = judge([case], Implementation("planted", functions), [torch_oracle])
        assert bool(judgement.disagreements) is not agrees
        assert judgement.inexact == (Quantity("loss"),)


@pytest.mark.parametrize(("slip", "verdicts"), [(0.0, {"agrees"}), (1e-6, {"agrees", "disagrees"})])
def test_gradients_behind_an_adapter(slip, verdicts, torch_oracle):
    """What a step of a fixed rate shows of gradients is not right to the bit, and may not be off by more than it says.

    Many networks at a time are judged as one by one. Some have gradients of 0: there no factor is wrong, and what the
    adapter may be off by is all that there is.
    """

    def step(weights, biases, x, y, activations, loss, learning_rate):
        gradients = reference_impl.backward(weights, biases, x, y, activations, loss)
        gradients = [[g * (1 + slip) for g in part] for part in gradients]
        return reference_impl.gradient_descent_step(weights, biases, *gradients, learning_rate)

    adapter = Implementation("adapter", {"backward": gradients_from_step(step, learning_rate=0.1)})
    campaign = Campaign(networks=12, profile="integers", dtypes=("float64",), oracles=("torch",))
    rows = [row for row in part(adapter, campaign, [torch_oracle]) if row["quantity"] in ("dW", "db")]
    judgements = list(judge(campaign.draw(range(12)), adapter, [torch_oracle]))
    assert {row["verdict"] for row in rows if row["coarse"] < row["entries"]} == verdicts
    assert any(row["got"] != row["expected"] for row in rows)
    wrong = [{record.quantity.kind for _, record in judgement.disagreements} for judgement in judgements]
    assert [row["verdict"] == "disagrees" for row in rows] == [kind in d for d in wrong for kind in ("dW", "db")]
    zero = [
        not any(value.any() for quantity, value in judgement.exact.values.items() if quantity.kind == kind)
        for judgement in judgements
        for kind in ("dW", "db")
    ]
    unchecked = [row["verdict"] == "unchecked" for row in rows]
    assert any(unchecked)
    assert all(is_zero for is_zero, is_unchecked in zip(zero, unchecked, strict=True) if is_unchecked)


# What is off by the last bit, as lines of a file.
OFF = {
    "loss": "def loss(p, y, loss): return reference_impl.loss(p, y, loss) * (1 + np.finfo(p.dtype).eps)\n",
    "dW": (
        "def backward(*arguments):\n"
        "    dW, db = reference_impl.backward(*arguments)\n"
        "    return [g * (1 + np.finfo(g.dtype).eps) for g in dW], db\n"
    ),
}


@pytest.mark.parametrize("kind", OFF)
def test_in_a_campaign_as_one_by_one(kind, tmp_path, torch_oracle):
    """Many networks at a time are counted as one by one, and on the page it says on how many something is rounded."""
    path = tmp_path / "mine.py"
    path.write_text(
        f"import numpy as np\nfrom backproof import reference_impl\nfrom backproof.reference_impl import *\n{OFF[kind]}"
    )
    campaign = Campaign(networks=12, profile="integers", oracles=("torch",))
    report = verify(str(path), campaign, tmp_path, page=True)
    assert report.verdict == "agree"
    implementation = load_implementation(str(path))
    cases = [case.cast(dtype) for case in campaign.draw(range(12)) for dtype in campaign.dtypes]
    judgements = list(judge(cases, implementation, [torch_oracle]))
    rows = part(implementation, campaign, [torch_oracle])
    for judgement, start in zip(judgements, range(0, len(rows), len(QUANTITIES)), strict=True):
        values = [value for quantity, value in judgement.exact.values.items() if quantity.kind == kind]
        inexact = sum(map(np.count_nonzero, values))
        assert {row["inexact"] for row in rows[start : start + len(QUANTITIES)]} == {inexact}
        assert {quantity.kind for quantity in judgement.inexact} == ({kind} if inexact else set())
    for mode in report.exact:
        networks = sum(bool(j.inexact) for j in judgements if j.case.dtype == mode.dtype)
        assert 0 < networks == mode.inexact <= mode.networks == 12
        told = f"On {networks} networks something is not exact: it is rounded more often than it has to be."
        assert told in (tmp_path / "report.md").read_text()
        assert f"{12 - networks} of 12" in report.summary
