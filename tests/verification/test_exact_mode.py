"""Exact mode in a verification: without being asked, to the bit, counted, and said."""

import json

import numpy as np
import pytest

from backproof import reference_impl
from backproof.oracles.case import Quantity
from backproof.oracles.draw import draw_case
from backproof.verification.adapters import gradients_from_step
from backproof.verification.campaign import Campaign
from backproof.verification.implementation import Approximate, Implementation, load_implementation
from backproof.verification.judgement import judge
from tests.reports.test_rendering import in_terminal
from tests.verification.test_part import part
from tests.verifying import verify


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
    assert "; the 24 networks that must be exact are, to the bit" in report.summary
    for name in ("report.md", "report.html"):
        assert "numbers of 24 networks are proven to be exact, in at most" in (tmp_path / name).read_text()
    assert json.loads((tmp_path / "report.json").read_bytes())["exact"][0]["networks"] == 24
    assert report.summary in " ".join(in_terminal(report).split())


def test_the_last_bit_counts(torch_oracle):
    """Off by the last bit, the loss disagrees; where it is off in a witness as well, the exact values say so."""
    cases = [case for i in range(20) if (case := draw_case(0, i, "integers"))]
    factor = 1 + 2.0**-52
    for witness in (torch_oracle, Agreeing(torch_oracle, factor)):
        for judgement in judge(cases, with_loss(factor), [witness]):
            exact = judgement.exact.values[Quantity("loss")]
            found = [(record.quantity, record.outside, record.expected) for _, record in judgement.disagreements]
            assert found == ([(Quantity("loss"), "implementation", float(exact))] if exact else [])


def test_a_witness_is_wrong(torch_oracle):
    """It is the witness that is named."""
    (judgement,) = judge([draw_case(0, 4, "integers")], with_loss(1), [Agreeing(torch_oracle, 1 + 2.0**-52)])
    assert {record.outside for _, record in judgement.disagreements} == {"oracle"}


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
    for error, agrees in ((1e-9, True), (1e-17, False)):
        functions = dict(load_implementation("backproof.reference_impl").functions)
        loss = functions["loss"]
        functions["loss"] = lambda *given, loss=loss, error=error: Approximate.of(loss(*given) * (1 + 1e-14), error)
        (judgement,) = judge([case], Implementation("planted", functions), [torch_oracle])
        assert bool(judgement.disagreements) is not agrees


@pytest.mark.parametrize(("slip", "verdicts"), [(0.0, {"agrees"}), (1e-6, {"agrees", "disagrees"})])
def test_gradients_behind_an_adapter(slip, verdicts, torch_oracle):
    """What a step of a fixed rate shows of gradients is not right to the bit, and may not be off by more than it says.

    Many networks at a time are judged as one by one. Some have gradients of 0, where no factor is wrong.
    """

    def step(weights, biases, x, y, activations, loss, learning_rate):
        gradients = reference_impl.backward(weights, biases, x, y, activations, loss)
        gradients = [[g * (1 + slip) for g in part] for part in gradients]
        return reference_impl.gradient_descent_step(weights, biases, *gradients, learning_rate)

    adapter = Implementation("adapter", {"backward": gradients_from_step(step, learning_rate=0.1)})
    campaign = Campaign(networks=12, profile="integers", dtypes=("float64",), oracles=("torch",))
    rows = [row for row in part(adapter, campaign, [torch_oracle]) if row["quantity"] in ("dW", "db")]
    judgements = list(judge(campaign.draw(range(12)), adapter, [torch_oracle]))
    assert {row["verdict"] for row in rows} == verdicts
    assert any(row["got"] != row["expected"] for row in rows)
    wrong = [{record.quantity.kind for _, record in judgement.disagreements} for judgement in judgements]
    assert [row["verdict"] == "disagrees" for row in rows] == [kind in d for d in wrong for kind in ("dW", "db")]


@pytest.mark.long
@pytest.mark.parametrize("name", ["loss", "gradient"])
def test_in_a_campaign_as_one_by_one(name, tmp_path, monkeypatch):
    """A mistake in the last bit that torch shares is found among many, too."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\nfrom backproof import reference_impl\nfrom backproof.reference_impl import *\n"
        "def loss(p, y, loss): return reference_impl.loss(p, y, loss) * (1 + np.finfo(p.dtype).eps)\n"
        if name == "loss"
        else "import numpy as np\nfrom backproof import reference_impl\nfrom backproof.reference_impl import *\n"
        "def backward(*arguments):\n"
        "    dW, db = reference_impl.backward(*arguments)\n"
        "    return [g * (1 + np.finfo(g.dtype).eps) for g in dW], db\n"
    )
    report = verify(str(path), Campaign(networks=12, profile="integers", oracles=("torch",)), tmp_path, page=True)
    assert report.verdict == "disagree"
    assert {place.quantity.partition("[")[0] for place in report.failures} == {"loss" if name == "loss" else "dW"}
    assert all(place.allowed == 0 for place in report.failures)
