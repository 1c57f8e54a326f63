"""N15: of which L its formula is the derivative, and which calls of the frameworks compute which L."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import STATEMENTS, Formula
from backproof.reference_impl.contract import Array
from backproof.studies.claims.claim import Call, Claim, Evidence
from backproof.studies.claims.equations import (
    BATCHES,
    Bench,
    Networks,
    check_of,
    corrected,
    find,
    first_counterexample,
    say,
    sentence,
)
from backproof.studies.claims.networks import SQUARED_ERRORS, prediction_as_weights, predictions
from backproof.studies.claims.practice import practices
from backproof.studies.claims.witnesses import Outcome, hear, try_on


def _under(loss: str, samples: Sequence[int], words: str) -> Networks:
    """A third as many as elsewhere, under each of the losses."""
    return Networks(words, lambda count, seed: predictions(count // 3, seed, loss, samples))


# Predictions under every loss, and single ones, the only ones for which n may count the outputs alone.
MANY = {loss: _under(loss, BATCHES, f"batches of predictions under {loss}") for loss in SQUARED_ERRORS}
SINGLE = {loss: _under(loss, [1], f"single predictions under {loss}") for loss in SQUARED_ERRORS}


def _loss(formula: Formula, case: Case) -> Answer:
    return {Quantity("loss"): np.asarray(formula(case.weights[0].T, case.y))}


def _gradient(formula: Formula, case: Case) -> Answer:
    return {Quantity("dW", 1): formula(case.weights[0].T, case.y).T}


def try_output_gradient(bench: Bench) -> Claim:
    """The verdict on N15: for each meaning of n, under the L that carries 1/n; and how it fares where L has 1/(2n)."""
    name, correction = as_printed.corrections()["N15"]
    answers, readings = {}, dict[str, list[Outcome]]()
    checks, clauses, halved, right = [], [], [], []
    for (reading, formula), counted in zip(as_printed.readings()["N15"].items(), as_printed.COUNTS, strict=True):
        mean, half = (_named(bench, as_printed.losses()[factor, counted]) for factor in ("1/n", "1/(2n)"))
        answers[reading] = partial(_gradient, formula)
        readings[reading], under_half, doubled = (
            try_on(bench.known(networks), answer)
            for networks, answer in (
                (mean, answers[reading]),
                (half, answers[reading]),
                (mean, partial(_gradient, partial(correction, n=counted))),
            )
        )
        checks.append(check_of(reading, mean.words, readings[reading]))
        halved.append(check_of(reading, half.words, under_half))
        right.append(check_of(f"{name}, {reading}", mean.words, doubled))
        clauses += [say(reading, readings[reading], mean), say(reading, under_half, half)]
    finding = find(readings, MANY[SQUARED_ERRORS[0]])
    return Claim(
        id="N15",
        statement=STATEMENTS["N15"],
        reading="x^(m-1) stands for the prediction y', which N11 numbers x^(m+1); L is the mean squared error, 1/n "
        "times the sum of all (y' - y)^2; what n counts is open",
        verdict=finding.verdict,
        evidence=Evidence(
            summary=sentence(clauses),
            condition=finding.condition,
            checks=[*checks, *halved],
            calls=_calls(bench),
        ),
        counterexample=first_counterexample("N15", answers, readings),
        correction=corrected("∂L/∂y'_j = (2/n) * (y'_j - y_j), where L = (1/n) * sum of (y'_j - y_j)^2", right),
    )


def _named(bench: Bench, formula: Formula) -> Networks:
    """Predictions under the contract's loss that a reading of L equals on all of them, or else on all single ones."""
    for predicted in (MANY, SINGLE):
        for networks in predicted.values():
            if all(outcome.agrees for outcome in try_on(bench.known(networks), partial(_loss, formula))):
                return networks
    raise AssertionError("every reading of L is a loss of the contract, at least for single predictions")


def _calls(bench: Bench) -> list[Call]:
    """What each framework's ways to write a squared error are called in the contract."""
    p, y = np.random.default_rng(bench.seed).standard_normal((2, 2, 3))
    found = []
    for framework, practice in practices(bench):
        gradients = practice.squared_error_gradients(p, y)
        found += [Call(framework, call, _name_of(p, y, gradient)) for call, gradient in gradients.items()]
    return found


def _name_of(p: Array, y: Array, gradient: Array) -> str:
    """The loss of the contract that has this gradient, by the certified values."""
    known = hear([prediction_as_weights(p, y, loss) for loss in SQUARED_ERRORS], [])
    outcomes = try_on(known, lambda _: {Quantity("dW", 1): gradient.T})
    return next((outcome.case.loss for outcome in outcomes if outcome.agrees), "none of the contract's")
