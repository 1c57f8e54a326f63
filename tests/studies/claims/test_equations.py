"""`studies.claims.equations` and `output`: verdicts follow from the formulas, and turn with them."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from backproof import reference_impl
from backproof.reference_impl import as_printed
from backproof.studies.claims.equations import (
    ARRAYS,
    BATCHED,
    EQUATIONS,
    EXAMPLE,
    Finding,
    find,
    say,
    sentence,
    separating,
    try_equation,
)
from backproof.studies.claims.networks import at, sigmoid_networks
from backproof.studies.claims.output import try_output_gradient
from backproof.studies.claims.witnesses import Outcome, hear, try_on

BY_ID = {equation.id: equation for equation in EQUATIONS}

# What the notes' formulas come to; the trial has to find it out.
VERDICTS = {
    "N1": ("holds", ""),
    "N2": ("holds", ""),
    "N3": ("holds", ""),
    "N4": ("holds", ""),
    "N5": ("holds", ""),
    "N6": ("holds if", "g'(0) = 0"),
    "N8": ("fails as printed", ""),
    "N10": ("holds", ""),
    "N11": ("holds", ""),
    "N12": ("fails as printed", ""),
    "N13": ("holds if", "there is one sample"),
    "N14": ("fails as printed", ""),
    "N15": ("fails as printed", ""),
    "N16": ("holds if", "N15 and N14 are the corrected ones"),
}


def try_one(id, bench):
    """The claim about a statement that is an equation."""
    return try_output_gradient(bench) if id == "N15" else try_equation(BY_ID[id], bench)


@pytest.mark.parametrize("id", VERDICTS)
def test_verdicts(id, verdict_on):
    """Each with evidence; what fails has a counterexample, and a correction that holds."""
    claim = verdict_on(id)
    assert (claim.verdict, claim.evidence.condition) == VERDICTS[id]
    assert claim.settled
    assert all(check.tried for check in claim.evidence.checks)
    assert (claim.counterexample is None) == (claim.verdict == "holds")
    if claim.correction:
        assert claim.correction.verified
        assert sum(check.tried for check in claim.correction.checks) >= 60


@pytest.mark.parametrize(("id", "agreeing"), [("N6", 3), ("N8", 1), ("N12", 2), ("N13", 1), ("N14", 1)])
def test_conditions_are_tried_on_both_sides(id, agreeing, verdict_on):
    """Networks that meet the condition all agree, and those that do not all disagree."""
    checks = verdict_on(id).evidence.checks
    assert all(check.agreeing in (0, check.tried) for check in checks)
    assert len([check for check in checks if check.agreeing]) == agreeing
    assert len([check for check in checks if not check.agreeing]) >= 1


class TestPrintedFormulas:
    """Another formula in `as_printed.py`, another verdict."""

    def test_editing_the_file(self, tmp_path):
        """The exponential in N8's line, as somebody would write it there."""
        shutil.copytree(Path(reference_impl.__file__).parent, tmp_path / "reference_impl")
        path = tmp_path / "reference_impl" / "as_printed.py"
        printed = "    return x / x.sum(axis=-1, keepdims=True)\n"
        standard = printed.replace("x / x.", "np.exp(x) / np.exp(x).")
        assert path.read_text().count(printed) == 1
        code = (
            "from backproof.studies.claims.equations import *\n"
            "print(*[try_equation(e, Bench([], 0)).verdict for e in EQUATIONS if e.id == 'N8'])"
        )
        path.write_text(path.read_text().replace(printed, standard))
        command = [sys.executable, "-c", f"import backproof; backproof.__path__.insert(0, '{tmp_path}')\n{code}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
        assert done.stdout == "holds\n"
        assert not (tmp_path / ".hypothesis").exists()

    @pytest.mark.parametrize(
        ("id", "function", "formula"),
        [
            ("N8", "softmax", as_printed.softmax_with_exponential),
            ("N12", "weight_gradient_filling_rows", lambda dx, x, received: np.outer(dx * x * (1 - x), received)),
            ("N14", "input_gradient_of_one_index", as_printed.input_gradient_summed),
            ("N15", "output_gradient", as_printed.output_gradient_of_the_mean),
        ],
    )
    def test_right_formulas_hold(self, id, function, formula, bench, monkeypatch):
        """In place of the printed ones; N12 then holds in one of its readings."""
        monkeypatch.setattr(as_printed, function, formula)
        claim = try_one(id, bench)
        assert claim.verdict == ("holds if" if id == "N12" else "holds")
        assert (claim.counterexample is None) == (claim.verdict == "holds")

    @pytest.mark.parametrize(
        ("id", "function", "formula"),
        [
            ("N1", "neuron", lambda w, b, x: x @ w),
            ("N2", "sigmoid", lambda z: 1 / (1 + np.exp(z))),
            ("N3", "sigmoid_prime", lambda z: z * (1 - z)),
            ("N4", "layer", lambda W, b, x, g: g(x @ W.T - b)),
            ("N5", "relu", lambda z: np.where(z >= 0, z, -0.01)),
            ("N10", "descend", lambda w, dw, alpha: w + alpha * dw),
            ("N11", "sigmoid", lambda z: np.tanh(z)),
        ],
    )
    def test_wrong_formulas_fail(self, id, function, formula, bench, monkeypatch):
        """With a counterexample, and unsettled where there is no correction. N5's other form still holds."""
        monkeypatch.setattr(as_printed, function, formula)
        claim = try_one(id, bench)
        assert claim.verdict == ("holds if" if id == "N5" else "fails as printed")
        assert re.search(rf"{id} gives .+; it is ", claim.counterexample.line)
        assert claim.settled == (id == "N5")

    def test_the_slightest_mistake(self, bench, monkeypatch):
        """A part in 1e14 is more than rounding explains."""
        right = as_printed.sigmoid
        monkeypatch.setattr(as_printed, "sigmoid", lambda z: right(z) * (1 + 1e-14))
        assert try_one("N2", bench).verdict == "fails as printed"

    @pytest.mark.long
    def test_wrong_only_far_out(self, bench, monkeypatch):
        """Where no small integers show it, the counterexample is one of the arrays that did."""
        right = as_printed.sigmoid
        monkeypatch.setattr(as_printed, "sigmoid", lambda z: np.where(z > 100, 0.5, right(z)))
        claim = try_one("N2", bench)
        assert claim.verdict == "fails as printed"
        assert re.fullmatch(r"z = [\d.e+]+: N2 gives 1/2; it is 1", claim.counterexample.line)

    @pytest.mark.long
    def test_no_number(self, bench, monkeypatch):
        """A formula that gives none where there is one is wrong, and said to give none."""
        monkeypatch.setattr(as_printed, "sigmoid", lambda z: np.full_like(z, np.nan))
        assert "N2 gives no number; it is " in try_one("N2", bench).counterexample.line


class TestCorrections:
    """A mistake in what a statement should say, and it is no longer verified."""

    @pytest.mark.parametrize(
        ("id", "function", "mistaken"),
        [
            ("N8", "softmax_with_exponential", lambda x: np.exp(x) / np.exp(x).sum(axis=0)),
            ("N8", "softmax_with_exponential", lambda x: np.exp2(x) / np.exp2(x).sum(axis=-1, keepdims=True)),
            ("N12", "weight_gradient_of_two_indices", lambda dx, x, received: (dx * x).T @ received),
            ("N12", "weight_gradient_of_two_indices", lambda dx, x, received: (dx * x * (1 - x)).T @ received / len(x)),
            ("N13", "bias_gradient_over_samples", lambda dx, x: (dx * x * (1 - x)).mean(axis=0)),
            ("N14", "input_gradient_summed", lambda dx, x, W: -(dx * x * (1 - x)) @ W),
            ("N15", "output_gradient_of_the_mean", lambda p, y, n="samples": (p - y) / len(y)),
        ],
    )
    def test_planted_mistakes(self, id, function, mistaken, bench, monkeypatch):
        monkeypatch.setattr(as_printed, function, mistaken)
        claim = try_one(id, bench)
        assert not claim.correction.verified
        assert not claim.settled

    def test_induction_rests_on_them(self, bench, monkeypatch):
        """N16 fails where its corrected step is wrong."""
        monkeypatch.setattr(as_printed, "input_gradient_summed", lambda dx, x, W: dx @ W)
        claim = try_one("N16", bench)
        assert (claim.verdict, claim.settled) == ("fails as printed", False)


class TestOutputGradient:
    """N15 and L."""

    def test_which_loss_makes_it_true(self, verdict_on):
        """Those that carry 1/(2n), with the same meaning of n; none that carries 1/n."""
        checks = verdict_on("N15").evidence.checks
        assert {check.scope.rpartition(" ")[2]: check.agreeing for check in checks} == {
            "squared_error_mean": 0,
            "squared_error_entry_mean": 0,
            "half_squared_error_mean": 20,
            "half_squared_error_entry_mean": 20,
        }

    def test_calls(self, verdict_on):
        """The frameworks' means count samples and outputs, and only some calls carry a half."""
        calls = {call.call: call.finding for call in verdict_on("N15").evidence.calls}
        assert calls["functional.mse_loss(p, y)"] == calls["jnp.mean((p - y) ** 2)"] == "squared_error_entry_mean"
        assert calls['functional.mse_loss(p, y, reduction="sum")'] == "squared_error_sum"
        assert calls["functional.huber_loss(p, y, delta=1e9)"] == "half_squared_error_entry_mean"
        assert calls["0.5 * ((p - y) ** 2).sum(1).mean()"] == "half_squared_error_mean"

    def test_slopes_at_zero(self, verdict_on):
        """All three readings of N6 are somebody's."""
        calls = {(call.framework, call.call): call.finding for call in verdict_on("N6").evidence.calls}
        assert calls["torch", "torch.relu(z)"] == calls["jax", "jax.nn.relu(z)"] == "g'(0) = 0"
        assert calls["torch", "torch.where(z >= 0, z, 0)"] == "g'(0) = 1"
        assert calls["jax", "jnp.maximum(z, 0)"] == "g'(0) = 1/2"


def outcomes(networks, *agree):
    """Outcomes for some of the networks."""
    cases = [networks.seen(case) for case in networks.drawn(60, 0)]
    return [Outcome(case, agrees, True, {"certified": 0.5 if agrees else 9.0}) for case, agrees in zip(cases, agree)]  # noqa: B905


class TestFind:
    """From how readings fared to a verdict."""

    def test_every_reading_or_one(self):
        good, bad = outcomes(ARRAYS, True, True), outcomes(ARRAYS, False, False)
        assert find({"a": good, "b": good}, ARRAYS) == Finding("holds")
        assert find({"a": bad, "b": good}, ARRAYS) == Finding("holds if", "b")
        assert find({"a": bad}, ARRAYS) == Finding("fails as printed")

    def test_nothing_tried_is_nothing_that_holds(self):
        assert find({"a": []}, ARRAYS) == Finding("fails as printed")

    def test_a_condition_leaves_room_for_the_notes_own_example(self):
        """One sample does, one neuron to a layer does not."""
        cases = BATCHED.drawn(60, 0)
        single, narrow = [case.n == 1 for case in cases], [set(case.widths) == {1} for case in cases]
        assert find({"a": outcomes(BATCHED, *single)}, BATCHED) == Finding("holds if", "there is one sample")
        assert find({"a": outcomes(BATCHED, *narrow)}, BATCHED) == Finding("fails as printed")
        assert separating(outcomes(BATCHED, *narrow), BATCHED).words == (
            "every layer has one neuron and receives one number"
        )
        assert EXAMPLE.widths == (2, 3, 1)

    def test_no_condition(self):
        """One network that disagrees for no reason is not explained."""
        agree = [case.n == 1 for case in BATCHED.drawn(60, 0)]
        agree[agree.index(True)] = False
        assert separating(outcomes(BATCHED, *agree), BATCHED) is None
        assert "exactly where" not in say("as printed", outcomes(BATCHED, *agree), BATCHED)

    def test_sentences(self):
        assert sentence(["it agrees", "n counting samples: agrees"]) == "It agrees; n counting samples: agrees."
        assert sentence(["g'(0) = 0: agrees"]) == "g'(0) = 0: agrees."


class TestWitnesses:
    """Whom formulas are held against."""

    def test_oracles_and_certified_values(self, torch_oracle):
        """A right formula agrees with all; a wrong one is apart from each."""
        equation = BY_ID["N2"]
        known = hear([at(np.array([[0.5, -3.0]]))], [torch_oracle])
        (right,) = try_on(known, partial(equation.answer, as_printed.sigmoid))
        (wrong,) = try_on(known, partial(equation.answer, lambda z: as_printed.sigmoid(z) + 1e-9))
        assert (right.agrees, set(right.ratios)) == (True, {"torch", "certified"})
        assert not wrong.agrees
        assert min(wrong.ratios.values()) > 1e5

    def test_what_cannot_be_checked_is_left_out(self):
        """Where the bound is infinite there is no outcome."""
        known = hear(sigmoid_networks(3, 0, [1]), [])
        unknown = [replace(one, own={q: np.full_like(own, np.inf) for q, own in one.own.items()}) for one in known]
        answer = partial(BY_ID["N11"].answer, as_printed.sigmoid_layers)
        assert (len(try_on(known, answer)), try_on(unknown, answer)) == (3, [])
