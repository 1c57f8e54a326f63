"""The smallest counterexample: Hypothesis looks for a small network of small integers on which a function errs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from backproof.grader import worked
from backproof.grader.assignment import Assignment, Edge
from backproof.grader.calls import Call, Trouble, given_to
from backproof.grader.checks import Check
from backproof.grader.declared import is_declared
from backproof.grader.grade import Counterexample
from backproof.grader.judging import Given, by_quantity, not_right
from backproof.grader.key import asked_case, layout
from backproof.grader.networks import Network, features
from backproof.grader.questions import MOST_STOPS, steps
from backproof.grader.running import Asked
from backproof.grader.words import name_quantity
from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.comparison import Record
from backproof.oracles.complex_step_oracle import ComplexStepOracle
from backproof.reference_impl.contract import DEFAULT_LOSS, Array
from backproof.verification.answered import Answered
from backproof.verification.suiting import suited

# Entries are small integers, or else halves; where large values are what goes wrong, these as well.
SMALL, HALVES, LARGE = 3, (0.5, -0.5, 1.5), (-1000.0, 1000.0)

MAX_DEPTH, MAX_WIDTH, MAX_BATCH = 3, 3, 3

# A network with more numbers is not shown.
MOST_NUMBERS = 80

# What a cause has in it where there is no array of the right kind.
MANNERS = (" raised ", " changed ", " gave ", "value of type", "shape", "dtype")


@dataclass(frozen=True)
class Trial:
    """A network, what the loss was asked about, what was given, what is right, and the records of what is not right.

    before: a network that the function was asked about first, where that is what it takes.
    """

    network: Network
    prediction: Array
    given: Given
    right: Answer
    records: list[Record]
    before: Case | None = None


def oracle_for_small_networks() -> ComplexStepOracle | None:
    """What knows the right answers without a framework; None on a machine whose long double is too narrow for it."""
    try:
        return ComplexStepOracle()
    except RuntimeError:
        return None


class Search:
    """Looks for a small network on which a function of a submission errs, in the manner of an example."""

    def __init__(
        self,
        assignment: Assignment,
        runner: Asked,
        oracle: ComplexStepOracle,
        check: Check,
        dtype: str,
        example: Trial,
    ) -> None:
        self._assignment, self._runner, self._oracle = assignment, runner, oracle
        self._check, self._dtype = check, dtype
        self._manner = _manner(example.records[0])
        self._trials: dict[str, Trial] = {}
        self._stopped = 0
        # Asked about the example alone, a function that is wrong because of what it remembers is right. The first call
        # of a worker is none that tells how long one takes.
        case, edge = asked_case(check.function, example.network), example.network.edge
        self._remembers = not self._try(None, case, edge).records
        begun = runner.seconds
        self._try(None, case, edge)
        self._seconds_a_try = runner.seconds - begun

    def smallest(self, seconds: float) -> Trial | None:
        """The smallest failing trial that is found, if there is any.

        It is looked for among fewer networks where the submission would take longer than so many seconds for all.
        """
        from hypothesis import strategies as st

        from backproof.oracles.strategies import smallest

        asked = self._strategy()
        pairs = st.tuples(asked if self._remembers else st.none(), asked)
        self._most = steps(self._assignment.search.networks, self._seconds_a_try, seconds)
        found = smallest(pairs, self._fails, self._most) if self._most else None
        return None if found is None else self._trials[_name(*found)]

    def _strategy(self) -> Any:
        """What is drawn from: only what the function is asked about varies."""
        from hypothesis import strategies as st

        from backproof.oracles.strategies import networks

        numbers = st.integers(-SMALL, SMALL).map(float) | st.sampled_from(HALVES)
        if self._check.name == "large values":
            numbers = numbers | st.sampled_from(LARGE)
        sizes: dict[str, Any] = {"max_width": MAX_WIDTH, "max_batch": MAX_BATCH}
        function, losses = self._check.function, self._assignment.losses
        if function in ("forward", "backward", "gradient_descent_step"):
            activations, layers = self._assignment.activations, self._assignment.layers
            found = networks(
                **sizes, max_depth=MAX_DEPTH, activations=activations, losses=losses, numbers=numbers, layers=layers
            )
            return found.map(partial(suited, convention=self._assignment.convention))
        if function == "loss":
            outputs = ("identity", "sigmoid", "softmax")
            found = networks(**sizes, max_depth=1, activations=outputs, losses=losses, numbers=numbers)
            return found.map(_handed_through)
        return networks(**sizes, max_depth=1, activations=("identity",), losses=(DEFAULT_LOSS,), numbers=numbers)

    def _fails(self, pair: tuple[Case | None, Case]) -> bool:
        """Whether the function errs on a network in that manner. Once it was asked about enough, nothing new does."""
        name = _name(*pair)
        if name not in self._trials:
            if len(self._trials) >= self._most or self._stopped >= MOST_STOPS or self._undefined(pair[1]):
                return False
            edge: Edge | None = "integers" if self._check.name == "integers" else None
            self._trials[name] = self._try(*pair, edge)
        return any(_manner(record) == self._manner for record in self._trials[name].records)

    def _undefined(self, case: Case) -> bool:
        """Whether more than one answer is right, as at a kink where any subgradient will do."""
        any_slope = self._assignment.relu_prime_at_zero == "any"
        at_zero = self._check.function == "relu_prime" and bool((case.x == 0).any())
        return any_slope and (at_zero or "at a kink" in features(case, self._assignment))

    def _try(self, before: Case | None, case: Case, edge: Edge | None) -> Trial:
        """Ask the function about a network, after another one if there is one, and judge what it gives."""
        function, (answer,) = self._check.function, self._oracle.answers([case])
        if before is not None:
            (first,) = self._oracle.answers([before])
            self._ask(
                Network(before, before, edge, self._assignment.biases),
                first[Quantity("output", before.depth)],
                fresh=True,
            )
        network, prediction = Network(case, case, edge, self._assignment.biases), answer[Quantity("output", case.depth)]
        quantities = layout(function, network)
        result = self._ask(network, prediction, fresh=before is None)
        given = by_quantity(function, quantities, network, self._dtype, result)
        right = {quantity: answer[quantity] for quantity, _, _ in quantities}
        return Trial(
            network, prediction, given, right, self._records(case, prediction.astype(self._dtype), given, right), before
        )

    def _ask(self, network: Network, prediction: Array, *, fresh: bool) -> Any:
        given = given_to(self._check.function, network, prediction)
        call = Call(self._check.function, 0, self._dtype, self._check.name)
        ((_, result),) = self._runner.ask([call], [given], fresh=fresh)
        self._stopped += isinstance(result, Trouble) and result.sort == "stopped"
        return result

    def _records(self, case: Case, prediction: Array, given: Given, right: Answer) -> list[Record]:
        """What is not right; the bounds are worked out only where something is not the same."""
        if all(_identical(given[quantity], value, self._dtype) for quantity, value in right.items()):
            return []
        honest = replace(NUMPY[self._dtype], lenient=True)
        own, theirs = bounds([case.cast(self._dtype)], [honest, self._oracle.arithmetic])[0].allowances
        allowed = {quantity: own[quantity] + theirs[quantity] for quantity in right}
        found = not_right(given, right, allowed, self._dtype)
        one = Answered(
            self._check.function, case.cast(self._dtype), prediction, given, right, allowed, frozenset(right)
        )
        return [] if found and is_declared(self._assignment, one) else found


def _handed_through(case: Case) -> Case:
    """A network of one layer that hands x on as it is, here the other one's pre-activation."""
    k = case.widths[-1]
    z = case.x @ case.weights[0].T + case.biases[0]
    return replace(case, weights=(np.eye(k),), biases=(np.zeros(k),), x=z)


def _name(before: Case | None, case: Case) -> str:
    return f"{before.to_json() if before else ''} {case.to_json()}"


def _identical(given: Any, right: Array, dtype: str) -> bool:
    """Whether an answer is the right one to the last digit."""
    if not (isinstance(given, np.ndarray) and given.dtype == dtype and given.shape == right.shape):
        return False
    return np.array_equal(given, right)


def _manner(record: Record) -> str:
    """How a function fails: by wrong numbers, or by something worse."""
    return next((mark for mark in MANNERS if mark in record.cause), "")


def render(function: str, trial: Trial, dtype: str, *, smallest: bool) -> Counterexample | None:
    """A trial as it is shown, with the arithmetic of the right answer; nothing where that would be too much."""
    case, prediction = asked_case(function, trial.network), trial.prediction
    if case.size > MOST_NUMBERS:
        return None
    record = trial.records[0]
    given, right = trial.given[record.quantity], trial.right[record.quantity]
    got, expected = _told_apart(given, right)
    first = _inputs(function, trial.before, trial.before.y) if trial.before else {}
    return Counterexample(
        smallest=smallest,
        dtype=dtype,
        before=first,
        inputs=_inputs(function, case, prediction),
        quantity=name_quantity(record.quantity),
        got=record.cause or got,
        expected=expected,
        steps=worked.steps(function, case, prediction),
        case=case.to_json(),
    )


def _inputs(function: str, case: Case, prediction: Array) -> dict[str, str]:
    """What a function was given, by the notes' symbols."""
    weights = {f"W[{i}]": worked.array(W) for i, W in enumerate(case.weights, 1)}
    biases = {f"b[{i}]": worked.array(b) for i, b in enumerate(case.biases, 1)}
    x, y = {"x": worked.array(case.x)}, {"y": worked.array(case.y)}
    names = {"activations": ", ".join(case.activations)}
    if function == "forward":
        return x | weights | biases | names
    if function == "backward":
        return x | weights | biases | y | names | {"loss": case.loss}
    if function == "loss":
        return {"prediction": worked.array(prediction)} | y | {"loss": case.loss}
    if function == "gradient_descent_step":
        gradients = {f"d{name}": worked.array(g) for name, g in zip([*weights, *biases], _gradients(case), strict=True)}
        return weights | biases | gradients | {"learning rate": worked.number(case.learning_rate)}
    return {"z": worked.array(case.x)}


def _gradients(case: Case) -> list[Array]:
    grad_weights, grad_biases = case.step_gradients()
    return [*grad_weights, *grad_biases]


def _told_apart(given: Any, right: Array) -> tuple[str, str]:
    """What was given and what is right, in as many digits as tell them apart."""
    if not isinstance(given, np.ndarray | float):
        return "", worked.array(right)
    for digits in (6, 9, 17):
        got, expected = (worked.array(np.asarray(values, np.float64), digits) for values in (given, right))
        if got != expected:
            break
    return got, expected
