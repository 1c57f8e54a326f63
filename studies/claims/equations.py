"""The statements that are equations: each reading is tried on networks, and the verdict follows.

A statement *holds* where all of its readings agree with every witness on every network. It *holds if* one reading is
taken, where that one does and another does not; or if a condition is met, where a reading agrees on all networks that
meet it and disagrees on all others. Such a condition has to leave room for the notes' own example, a network with
several numbers to a layer. Otherwise the statement *fails as printed*.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.registry import Oracle
from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import STATEMENTS, Formula
from backproof.reference_impl.contract import Array
from backproof.reports.wording import format_ratio
from backproof.studies.claims.claim import Check, Claim, Correction, Counterexample, Evidence, Verdict
from backproof.studies.claims.counterexamples import counterexample
from backproof.studies.claims.networks import (
    SIZE,
    input_as_weights,
    mixed_networks,
    neurons,
    numbers,
    outputs_and_gradients,
    sigmoid_networks,
    without_front,
)
from backproof.studies.claims.witnesses import Known, Outcome, hear, try_on
from backproof.verification.document import finite
from backproof.verification.wording import conjoin

NETWORKS = 60
BATCHES = range(1, SIZE + 1)


class Networks(NamedTuple):
    """Networks to try formulas on: in words, and drawn, so many for a seed.

    seen: the network that a case stands for, which may have a layer in front.
    """

    words: str
    drawn: Callable[[int, int], list[Case]]
    seen: Callable[[Case], Case] = lambda case: case


ARRAYS = Networks("arrays of numbers", partial(numbers, scales=(1, 10, 1000)))
LOGITS = Networks("arrays of numbers", partial(numbers, scales=(1, 3, 10)))  # no exponential of them overflows
NEURONS = Networks("layers without activation", neurons)
LAYERS = Networks("networks of sigmoids and ReLUs", mixed_networks)
SINGLE = Networks("one-sample networks of sigmoids", partial(sigmoid_networks, samples=[1]))
BATCHED = Networks("networks of sigmoids", partial(sigmoid_networks, samples=BATCHES))
INPUTS = Networks(
    BATCHED.words,
    lambda count, seed: list(map(input_as_weights, sigmoid_networks(count, seed, BATCHES))),
    seen=without_front,
)
MEANS = Networks(
    f"{BATCHED.words} under squared_error_mean",
    lambda count, seed: list(map(input_as_weights, sigmoid_networks(count, seed, BATCHES, "squared_error_mean"))),
    seen=without_front,
)


class Bench:
    """The witnesses, who are heard once about each set of networks.

    networks: how many there are in a set.
    """

    def __init__(self, oracles: Sequence[Oracle], seed: int, networks: int = NETWORKS) -> None:
        self.oracles = oracles
        self.seed = seed
        self.networks = networks
        self._heard: dict[Networks, list[Known]] = {}

    def known(self, networks: Networks) -> list[Known]:
        """What is known of the networks."""
        if networks not in self._heard:
            self._heard[networks] = hear(networks.drawn(self.networks, self.seed), self.oracles)
        return self._heard[networks]


@dataclass(frozen=True)
class Equation:
    """How a statement is tried.

    reading: what its words are taken to say. networks: what its readings are tried on. answer: what a reading says of a
    case. correction, corrected: what it should say, in the notes' symbols, and what the corrected formula says of a
    case. widely: what else the corrected formula is tried on.
    """

    id: str
    reading: str
    networks: Networks
    answer: Callable[[Formula, Case], Answer]
    correction: str = ""
    corrected: Callable[[Formula, Case], Answer] | None = None
    widely: tuple[Networks, ...] = ()


def _function(kind: str) -> Callable[[Formula, Case], Answer]:
    """A function of the contract, at x."""
    return lambda formula, case: {Quantity(kind): formula(case.x)}


def _neurons(formula: Formula, case: Case) -> Answer:
    (W,), (b,) = case.weights, case.biases
    z = [formula(w_j, b_j, case.x) for w_j, b_j in zip(W, b, strict=True)]
    return {Quantity("output", 1): np.stack(z, axis=1)}


def _layers(formula: Formula, case: Case) -> Answer:
    g, outputs = {"sigmoid": as_printed.sigmoid, "relu": as_printed.relu}, [case.x]
    for W, b, name in zip(case.weights, case.biases, case.activations, strict=True):
        outputs.append(formula(W, b, outputs[-1], g[name]))
    return _outputs(outputs)


def _network(formula: Formula, case: Case) -> Answer:
    return _outputs(formula(case.weights, case.biases, case.x))


def _outputs(outputs: Sequence[Array]) -> Answer:
    return {Quantity("output", i): output for i, output in enumerate(outputs)}


def _steps(formula: Formula, case: Case) -> Answer:
    return {quantity: formula(w, dw, case.learning_rate) for quantity, w, dw in case.steps()}


def _weight_gradients(formula: Formula, case: Case, samples: slice | int = 0) -> Answer:
    """From the right dL/dx of every layer."""
    x, dx = outputs_and_gradients(case)
    return {
        Quantity("dW", i): formula(dx[i][samples], x[i][samples], x[i - 1][samples]) for i in range(1, case.depth + 1)
    }


def _bias_gradients(formula: Formula, case: Case, samples: slice | int = 0) -> Answer:
    x, dx = outputs_and_gradients(case)
    return {Quantity("db", i): formula(dx[i][samples], x[i][samples]) for i in range(1, case.depth + 1)}


def _input_gradients(formula: Formula, case: Case) -> Answer:
    """From the right dL/dx of the layer that follows, sample by sample."""
    network = without_front(case)
    x, dx = outputs_and_gradients(network)
    found = [formula(d, x_next, network.weights[0]) for d, x_next in zip(dx[1], x[1], strict=True)]
    return {Quantity("dW", 1): np.stack(found, axis=1)}


def _induced_gradients(formula: Formula, case: Case) -> Answer:
    network = without_front(case)
    x, _ = outputs_and_gradients(network)
    return {Quantity("dW", 1): formula(network.weights, x, network.y)[0].T}


EVERY_SAMPLE = slice(None)

EQUATIONS = (
    Equation("N1", "x^(i) is one sample; each sample of a batch is taken by itself", NEURONS, _neurons),
    Equation("N2", "z is any real number", ARRAYS, _function("sigmoid")),
    Equation("N3", "g is the sigmoid of N2", ARRAYS, _function("sigmoid_prime")),
    Equation("N4", "g is the sigmoid of N2 or the ReLU of N5, applied to each neuron alone", LAYERS, _layers),
    Equation("N5", "both forms: by cases, and as a maximum", ARRAYS, _function("relu")),
    Equation("N6", "g'(z) is 1 for z > 0, 0 for z < 0, and one of 0, 1/2, 1 at 0", ARRAYS, _function("relu_prime")),
    Equation(
        "N8",
        "x are the pre-activations of the last layer; the softmax is the function that PyTorch and JAX call so",
        LOGITS,
        _function("softmax"),
        correction="y_i = e^(x_i) / sum_{j=1..k} e^(x_j)",
    ),
    Equation("N10", "a step for given gradients of any loss", BATCHED, _steps),
    Equation("N11", "the samples of a batch are taken one by one", BATCHED, _network),
    Equation(
        "N12",
        "w_j^(i) are the weights of neuron j, and j numbers both the neurons and what they receive",
        SINGLE,
        _weight_gradients,
        correction="∂L/∂w_jl^(i) = sum over samples of ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1)) * x_l^(i)",
        corrected=partial(_weight_gradients, samples=EVERY_SAMPLE),
        widely=(BATCHED,),
    ),
    Equation(
        "N13",
        "x^(i+1) is what the layer gives for one sample; of a batch, the first",
        BATCHED,
        _bias_gradients,
        correction="∂L/∂b_j^(i) = sum over samples of ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1))",
        corrected=partial(_bias_gradients, samples=EVERY_SAMPLE),
    ),
    Equation(
        "N14",
        "w_j^(i) is the weight from what bears the number j in layer i to neuron j; each sample by itself",
        INPUTS,
        _input_gradients,
        correction="∂L/∂x_l^(i) = sum_{j=1..k_i} ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1)) * w_jl^(i)",
    ),
    Equation(
        "N16",
        "L is the mean squared error, 1/n times the sum over n samples",
        MEANS,
        _induced_gradients,
    ),
)


# What a network may have to be like for a formula to agree.
CONDITIONS: dict[str, Callable[[Case], bool]] = {
    "there is one sample": lambda case: case.n == 1,
    "a row has one number": lambda case: case.widths[0] == 1,
    "the layer has one neuron and receives one number": lambda case: case.widths[:2] == (1, 1),
    "every layer has one neuron and receives one number": lambda case: set(case.widths) == {1},
    "no number is exactly 0": lambda case: bool((case.x != 0).all()),
}

# A network like the notes' own: from one table's length and width, through a hidden layer, to its area.
EXAMPLE = Case(
    weights=(np.ones((3, 2)), np.ones((1, 3))),
    biases=(np.zeros(3), np.zeros(1)),
    x=np.array([[2.0, 3.0]]),
    y=np.array([[6.0]]),
    activations=("sigmoid", "sigmoid"),
    loss="squared_error_mean",
    learning_rate=0.1,
)


class Condition(NamedTuple):
    """What a network has to be like, in words and as a test."""

    words: str
    meets: Callable[[Case], bool]


def separating(outcomes: Sequence[Outcome], networks: Networks) -> Condition | None:
    """A condition that is met exactly where a formula agrees, where both occur: a single one, or two together."""
    agrees = [outcome.agrees for outcome in outcomes]
    if len(set(agrees)) < 2:
        return None
    cases = [networks.seen(outcome.case) for outcome in outcomes]
    single = [Condition(words, meets) for words, meets in CONDITIONS.items()]
    double = [_both(*pair) for pair in itertools.combinations(single, 2)]
    return next((one for one in (*single, *double) if [one.meets(case) for case in cases] == agrees), None)


def _both(first: Condition, second: Condition) -> Condition:
    return Condition(f"{first.words} and {second.words}", lambda case: first.meets(case) and second.meets(case))


class Finding(NamedTuple):
    """A verdict, and the condition that it depends on: a reading, or what a network has to be like; else empty."""

    verdict: Verdict
    condition: str = ""


def everywhere(outcomes: Sequence[Outcome]) -> bool:
    """Whether a formula was tried at all, and agrees wherever it was."""
    return bool(outcomes) and all(outcome.agrees for outcome in outcomes)


def find(readings: Mapping[str, Sequence[Outcome]], networks: Networks) -> Finding:
    """The verdict on a statement, from how its readings fared."""
    agreeing = [name for name, outcomes in readings.items() if everywhere(outcomes)]
    if len(agreeing) == len(readings):
        return Finding("holds")
    if agreeing:
        return Finding("holds if", " or ".join(agreeing))
    for outcomes in readings.values():
        condition = separating(outcomes, networks)
        if condition and condition.meets(EXAMPLE):
            return Finding("holds if", condition.words)
    return Finding("fails as printed")


def try_equation(equation: Equation, bench: Bench) -> Claim:
    """The verdict on an equation, with its evidence, a counterexample where a reading fails, and the correction."""
    known, networks = bench.known(equation.networks), equation.networks
    answers = {name: partial(equation.answer, formula) for name, formula in as_printed.readings()[equation.id].items()}
    readings = {name: try_on(known, answer) for name, answer in answers.items()}
    finding = find(readings, networks)
    return Claim(
        id=equation.id,
        statement=STATEMENTS[equation.id],
        reading=equation.reading,
        verdict=finding.verdict,
        evidence=Evidence(
            summary=sentence(say(name, outcomes, networks) for name, outcomes in readings.items()),
            condition=finding.condition,
            checks=[check for name, outcomes in readings.items() for check in checks_of(name, outcomes, networks)],
        ),
        counterexample=first_counterexample(equation.id, answers, readings),
        correction=_correct(equation, bench),
    )


def first_counterexample(
    id: str, answers: Mapping[str, Callable[[Case], Answer]], readings: Mapping[str, Sequence[Outcome]]
) -> Counterexample | None:
    """The smallest one to the first reading that fails somewhere."""
    for name, outcomes in readings.items():
        failing = [outcome.case for outcome in outcomes if not outcome.agrees]
        if failing:
            return counterexample(id, answers[name], failing)
    return None


def _correct(equation: Equation, bench: Bench) -> Correction | None:
    if equation.id not in as_printed.corrections():
        return None
    name, formula = as_printed.corrections()[equation.id]
    answer = partial(equation.corrected or equation.answer, formula)
    return corrected(
        equation.correction,
        [
            check_of(name, networks.words, try_on(bench.known(networks), answer))
            for networks in (equation.networks, *equation.widely)
        ],
    )


def corrected(formula: str, checks: list[Check]) -> Correction:
    """A correction, which is verified where it agrees everywhere."""
    return Correction(formula, all(check.agreeing == check.tried > 0 for check in checks), checks)


def checks_of(what: str, outcomes: Sequence[Outcome], networks: Networks) -> list[Check]:
    """How a reading fared: in one piece, or on either side of the condition that tells where it agrees."""
    condition = separating(outcomes, networks)
    if condition is None:
        return [check_of(what, networks.words, outcomes)]
    return [
        check_of(what, f"{networks.words} where {condition.words}", [o for o in outcomes if o.agrees]),
        check_of(what, f"other {networks.words}", [o for o in outcomes if not o.agrees]),
    ]


def check_of(what: str, scope: str, outcomes: Sequence[Outcome]) -> Check:
    """How a formula fared, in numbers."""
    agreeing = [outcome for outcome in outcomes if outcome.agrees]
    apart = [max(outcome.ratios.values()) for outcome in outcomes if not outcome.agrees]
    names = agreeing[0].ratios if agreeing else {}
    least = min(apart, default=np.inf)
    return Check(
        what=what,
        scope=scope,
        tried=len(outcomes),
        agreeing=len(agreeing),
        worst={name: max(outcome.ratios[name] for outcome in agreeing) for name in names},
        least=finite(least),
    )


def say(what: str, outcomes: Sequence[Outcome], networks: Networks) -> str:
    """How a reading fared, in a clause."""
    subject = "it agrees" if what == "as printed" else f"{what}: agrees"
    agreeing = [outcome for outcome in outcomes if outcome.agrees]
    if outcomes and len(agreeing) == len(outcomes):
        worst = max(ratio for outcome in agreeing for ratio in outcome.ratios.values())
        *oracles, certified = agreeing[0].ratios
        witnesses = conjoin([*oracles, f"the {certified} values"])
        scope = f"all {len(outcomes)} {networks.words} (error / allowed at most {format_ratio(worst)})"
        return f"{subject} with {witnesses} on {scope}"
    condition = separating(outcomes, networks)
    where = f", exactly where {condition.words}" if condition else ""
    return f"{subject} on {len(agreeing) or 'none'} of {len(outcomes)} {networks.words}{where}"


def sentence(clauses: Iterable[str]) -> str:
    """The clauses as one sentence, whose first word gets a capital."""
    text = f"{'; '.join(clauses)}."
    return text[0].upper() + text[1:] if text[:2].isalpha() else text
