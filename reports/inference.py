"""Conventions by experiment: which loss, which scale, which slope at a kink and which shapes an implementation follows.

Networks are put to it whose numbers of samples and outputs are 5 and 3, or 3 and 7, so that every factor 2^p n^a k^b
gives a number of its own. What it gives is held against each of these multiples of each kind of loss, with the bounds
derived for the network: it follows a convention if no entry is farther from it than rounding explains.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from oracles.case import Case, Quantity
from oracles.comparison import Problem
from oracles.registry import load_oracle
from reference_impl.contract import LOSSES, OUTPUT_ACTIVATIONS, Array, LossKind, find_loss
from reports.adapters import samples_in_columns, transposed
from reports.campaign import CouldNotRunError
from reports.convention import Convention
from reports.implementation import Implementation
from reports.probes import Probe, probe_all
from reports.wording import conjoin

SCHEMA_VERSION = "1.0"

KINDS: tuple[LossKind, ...] = ("squared_error", "cross_entropy", "binary_cross_entropy")

# Numbers of samples and outputs, and the widths before; no two of one network are the same.
SHAPES = ((5, (2, 4, 3)), (3, (4, 5, 7)))

# The oracle that needs NumPy alone.
ORACLE = "complex-step"

# A handful of roundings by which a scale may be applied otherwise than the bounds have it.
ROUNDINGS = 8 * 2.0**-53


class Followed(NamedTuple):
    """A kind of loss times factor n^samples k^outputs."""

    kind: LossKind
    factor: float
    samples: int
    outputs: int

    def scale(self, n: int, k: int) -> float:
        """What the sum of the kind's terms is multiplied by."""
        return self.factor * float(n) ** self.samples * float(k) ** self.outputs

    @property
    def name(self) -> str:
        """The contract's name of this loss, or else what it is: "-2 squared_error / n"."""
        for name, loss in LOSSES.items():
            if loss.kind == self.kind and all(
                self.scale(n, k) == loss.scale(n, k) for n, k in ((1, 1), (2, 1), (1, 2), (2, 2))
            ):
                return name
        signs = {1: "", -1: "-"}
        factor = signs[int(self.factor)] if abs(self.factor) == 1 else f"{Fraction(self.factor)} "
        return f"{factor}{self.kind}{_power('n', self.samples)}{_power('k', self.outputs)}"


def _power(symbol: str, power: int) -> str:
    """/ n^2 and the like."""
    if not power:
        return ""
    return f" {'/' if power < 0 else '*'} {symbol}{'' if abs(power) == 1 else f'^{abs(power)}'}"


FACTORS = [sign * 2.0**p for p in (0, -1, 1, -2, 2) for sign in (1, -1)]
POWERS = (0, -1, 1, -2, 2)
FOLLOWED = [Followed(*parts) for parts in itertools.product(KINDS, FACTORS, POWERS, POWERS)]


class LossFollowed(msgspec.Struct, frozen=True):
    """What was found for one loss that was asked for by name."""

    asked: str
    value: Annotated[str | None, Meta(description="What the loss's value follows; null where there is none")]
    gradient: Annotated[str | None, Meta(description="What the gradient follows; null where there is none")]


class Inference(msgspec.Struct, frozen=True):
    """The outcome of `backproof infer`."""

    schema_version: str
    verdict: Annotated[
        Literal["consistent", "inconsistent"],
        Meta(description="consistent: every value and gradient follows a loss, the same one, and slopes at 0 are one"),
    ]
    summary: Annotated[list[str], Meta(description="What was found, in sentences; what is inconsistent comes first")]
    implementation: str
    forward: Annotated[str | None, Meta(description="How forward wants its arrays; null where there is none")]
    backward: Annotated[str | None, Meta(description="How backward wants and gives them")]
    losses: list[LossFollowed]
    slopes: Annotated[dict[str, str], Meta(description="What sigmoid_prime and tanh_prime are functions of")]
    relu_prime_at_0: Annotated[float | None, Meta(description="What the function relu_prime gives at 0")]
    slope_at_0: Annotated[float | None, Meta(description="The slope at 0 that backward multiplies by")]
    step: Annotated[str | None, Meta(description="What gradient_descent_step does with gradients")]

    def to_json(self) -> bytes:
        """The inference as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


NONE = "none of those known"

Function = Callable[..., Any]


def _gradients_transposed(backward: Function) -> Function:
    """Weights as in the contract, and their gradients transposed."""

    def adapted(*arguments: Any) -> Any:
        dW, db = backward(*arguments)
        return [np.ascontiguousarray(np.transpose(each)) for each in dW], db

    return adapted


# How programs may want their arrays, in the order in which that is tried; the first is the contract's.
SHAPED: dict[str, Callable[[Function], Function]] = {
    "weights (k_i, k_{i-1}), samples in rows": lambda function: function,
    "weights (k_{i-1}, k_i), samples in rows": transposed,
    "weights (k_i, k_{i-1}), samples and biases in columns": samples_in_columns,
    "weights (k_{i-1}, k_i), samples and biases in columns": lambda function: samples_in_columns(transposed(function)),
    "weights (k_i, k_{i-1}), samples in rows, gradients of weights transposed": _gradients_transposed,
}
OF_THE_CONTRACT = next(iter(SHAPED))


def infer(implementation: Implementation) -> Inference:
    """Find out which conventions the implementation follows, by experiment.

    Raises CouldNotRunError where it gives nothing that conventions could be told by.
    """
    experiment = Experiment(implementation)
    shapes = experiment.forward_shapes(), experiment.backward_shapes
    losses = [each for name in experiment.convention.losses if (each := experiment.loss(name))]
    slopes = {name: found for name in ("sigmoid_prime", "tanh_prime") if (found := experiment.slope(name))}
    at_0, within, step = experiment.relu_prime_at_0(), experiment.slope_at_0(losses), experiment.step()
    if not (losses or slopes or any(shapes) or step) and at_0 is None:
        raise CouldNotRunError(f"{implementation.name} gives nothing that conventions could be told by")
    wrong = [*map(_say_wrong, _grouped(losses)), _say_slopes_at_0(at_0, within)]
    wrong = [sentence for sentence in wrong if sentence]
    return Inference(
        schema_version=SCHEMA_VERSION,
        verdict="inconsistent" if wrong else "consistent",
        summary=[*wrong, *_say_findings(losses, shapes, slopes, at_0, within, step)],
        implementation=implementation.name,
        forward=shapes[0],
        backward=shapes[1],
        losses=losses,
        slopes=slopes,
        relu_prime_at_0=at_0,
        slope_at_0=within,
        step=step,
    )


class Experiment:
    """What is tried with one implementation."""

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.convention = implementation.convention or Convention()

    def forward_shapes(self) -> str | None:
        """How forward wants its arrays."""
        return self._first_shapes("forward", self._forward_agrees)

    @cached_property
    def backward_shapes(self) -> str | None:
        """How backward wants and gives them: so that its gradients follow any loss at all."""
        return self._first_shapes("backward", self._backward_follows_any)

    def _first_shapes(self, name: str, right: Callable[[Implementation], bool | None]) -> str | None:
        """The first shapes in which the function is right; None where there is no function or it declines all."""
        if name not in self.implementation.functions:
            return None
        declined = True
        for shapes, shaped in SHAPED.items():
            found = right(Implementation("", {name: shaped(self.implementation.functions[name])}))
            if found:
                return shapes
            declined = declined and found is None
        return None if declined else NONE

    def _forward_agrees(self, alone: Implementation) -> bool | None:
        """Whether forward gives the outputs, with any of the last activations; None where it declines them all."""
        found: list[bool] = []
        for loss, last in self._asked():
            records = [r for probe in self.probes(loss, last) for r in probe.records(probe.ask(alone), ["output"])]
            if any(record.verdict != "unchecked" for record in records):
                found.append(not any(record.verdict == "disagrees" for record in records))
        return any(found) if found else None

    def _backward_follows_any(self, alone: Implementation) -> bool | None:
        """Whether gradients follow anything, for any loss; None where it declines them all."""
        found = [
            gradients for loss, last in self._asked() if (gradients := self._gradients(alone, loss, last)) is not None
        ]
        return any(map(bool, found)) if found else None

    def _asked(self) -> Iterator[tuple[str, str]]:
        """The losses that it is made for, each with the last activations that it goes with."""
        for loss in self.convention.losses:
            for last in OUTPUT_ACTIVATIONS[find_loss(loss).kind]:
                if last in self.convention.last:
                    yield loss, last

    def probes(self, loss: str, last: str) -> list[Probe]:
        """Networks that end in an activation, under a loss."""
        hidden = next((g for g in ("tanh", "sigmoid", "relu") if g in self.convention.hidden), "identity")
        return _probes(loss, last, hidden, single=self.convention.layers == 1)

    def loss(self, asked: str) -> LossFollowed | None:
        """What value and gradient follow when a loss is asked for; None where there is neither."""
        value, gradient = self._value_follows(asked), self._gradient_follows(asked)
        return LossFollowed(asked, value, gradient) if value or gradient else None

    def _value_follows(self, asked: str) -> str | None:
        """What the value of a loss follows, of predictions that are distributions."""
        probes = {kind: self.probes(f"{kind}_sum", "softmax") for kind in KINDS}
        alone = Implementation("", {k: f for k, f in self.implementation.functions.items() if k == "loss"})
        quantity = Quantity("loss")
        got = []
        for probe in probes["squared_error"]:
            answer = alone.answer(replace(probe.case, loss=asked), probe.prediction)[quantity]
            if isinstance(answer, Problem) and not answer.fails:
                return None
            got.append({quantity: answer})
        return self._name(asked, _all_followed(got, probes))

    def _gradient_follows(self, asked: str) -> str | None:
        """What gradients follow, after every last activation that the loss goes with."""
        if not self.backward_shapes:
            return None
        if self.backward_shapes == NONE:
            return NONE
        shaped = SHAPED[self.backward_shapes](self.implementation.functions["backward"])
        alone = Implementation("", {"backward": shaped})
        found = {}
        for loss, last in self._asked():
            if loss == asked and (gradients := self._gradients(alone, loss, last)) is not None:
                found[last] = gradients
        if not found:
            return None
        common = set.intersection(*found.values())
        if common:
            return self._name(asked, common)
        after: dict[str, list[str]] = {}
        for last, gradients in found.items():
            after.setdefault(self._name(asked, gradients), []).append(last)
        return "; ".join(f"{name} after {conjoin(lasts)}" for name, lasts in after.items())

    def _gradients(self, alone: Implementation, asked: str, last: str) -> set[Followed] | None:
        """What gradients follow after one last activation; None where they are declined."""
        kinds = [kind for kind in KINDS if last in OUTPUT_ACTIVATIONS[kind]]
        probes = {kind: self.probes(f"{kind}_sum", last) for kind in kinds}
        got = []
        for probe in probes[kinds[0]]:
            answer = alone.answer(replace(probe.case, loss=asked), probe.prediction)
            wanted = {quantity: value for quantity, value in answer.items() if quantity.kind in ("dW", "db")}
            if all(isinstance(value, Problem) and not value.fails for value in wanted.values()):
                return None
            got.append(wanted)
        return _all_followed(got, probes)

    def _name(self, asked: str, followed: set[Followed]) -> str:
        """What is followed, by name; what was asked for if it is among it."""
        names = {each.name for each in followed}
        return asked if asked in names else min(names, default=NONE)

    def slope(self, name: str) -> str | None:
        """Whether a derivative is a function of the pre-activation or of the output."""
        if name not in self.implementation.functions:
            return None
        prime, activation = self.implementation.functions[name], Quantity(name.removesuffix("_prime"))
        probe = self.probes("squared_error_sum", "identity")[0]

        def right(argument: Array) -> bool:
            answer = Implementation("", {name: lambda _: prime(argument)}).answer(probe.case, probe.prediction)
            return all(record.verdict == "agrees" for record in probe.records(answer, [name]))

        if right(probe.case.x.copy()):
            return "the pre-activation"
        return "the output" if right(probe.expected[activation].copy()) else NONE

    def relu_prime_at_0(self) -> float | None:
        """What relu_prime gives at 0, if there is one and it gives a number."""
        if "relu_prime" not in self.implementation.functions:
            return None
        (probe,) = probe_all([_at_the_kink("identity", "squared_error_sum")], load_oracle(ORACLE))
        alone = Implementation("", {"relu_prime": lambda z: self.implementation.functions["relu_prime"](0 * z)})
        answer = probe.ask(alone)[Quantity("relu_prime")]
        return float(answer[0, 0]) if _is_like(answer, probe.case.x) else None

    def slope_at_0(self, losses: Sequence[LossFollowed]) -> float | None:
        """The slope by which backward multiplies where a hidden ReLU's input is exactly 0.

        There the network gives the same as one with the identity in place of the ReLU, and gradients of the first layer
        are that slope times the other's.
        """
        loss = next(
            (found.asked for found in losses if found.gradient in LOSSES and found.gradient == found.asked), None
        )
        if "relu" not in self.convention.hidden or self.convention.layers == 1 or loss is None:
            return None
        last = next(g for asked, g in self._asked() if asked == loss)
        (linear,) = probe_all([_at_the_kink(last, loss)], load_oracle(ORACLE))
        assert self.backward_shapes is not None
        shaped = SHAPED[self.backward_shapes](self.implementation.functions["backward"])
        kink = replace(linear.case, activations=("relu", last))
        quantity = Quantity("dW", 1)
        got = Implementation("", {"backward": shaped}).answer(kink, linear.prediction)[quantity]
        expected = linear.expected[quantity]
        if not _is_like(got, expected):
            return None
        place = np.unravel_index(np.abs(expected).argmax(), expected.shape)
        slope = float(got[place] / expected[place])
        off = np.abs(got - slope * expected) - (linear.allowed[quantity] + ROUNDINGS * np.abs(expected))
        return round(slope, 12) if np.all(off <= 0) else None

    def step(self) -> str | None:
        """Whether the step subtracts gradients or adds them."""
        if "gradient_descent_step" not in self.implementation.functions:
            return None
        functions = {"gradient_descent_step": self.implementation.functions["gradient_descent_step"]}
        probe = self.probes("squared_error_sum", "identity")[0]
        answer = probe.ask(Implementation("", functions))
        if all(record.verdict == "agrees" for record in probe.records(answer, ["step_W", "step_b"])):
            return "subtracts"
        starts = {quantity: start for quantity, start, _ in probe.case.steps()}
        mirrored = {
            quantity: 2 * start - answer[quantity]
            for quantity, start in starts.items()
            if _is_like(answer[quantity], start)
        }
        if len(mirrored) < len(starts):
            return NONE
        records = probe.records({**answer, **mirrored}, ["step_W", "step_b"])
        return "adds" if all(record.verdict == "agrees" for record in records) else NONE


@functools.cache
def _probes(loss: str, last: str, hidden: str, *, single: bool) -> list[Probe]:
    """Networks of ordinary numbers whose labels are distributions, which suits every loss."""
    cases = []
    for n, widths in SHAPES:
        rng = np.random.default_rng(n)
        layers = list(itertools.pairwise(widths[-2:] if single else widths))
        k = widths[-1]
        cases.append(
            Case(
                weights=tuple(rng.standard_normal((k, received)) / 2 for received, k in layers),
                biases=tuple(rng.standard_normal(k) / 2 for _, k in layers),
                x=rng.standard_normal((n, layers[0][0])),
                y=rng.multinomial(64, [1 / k] * k, n) / 64,
                activations=(*(hidden,) * (len(layers) - 1), last),
                loss=loss,
                learning_rate=0.25,
            )
        )
    return probe_all(cases, load_oracle(ORACLE))


def _is_like(value: Any, array: Array) -> bool:
    """Whether a value consists of numbers, as many as the array."""
    return isinstance(value, np.ndarray | np.generic | float) and np.shape(value) == array.shape


def _all_followed(got: Sequence[dict[Quantity, Any]], probes: dict[LossKind, list[Probe]]) -> set[Followed]:
    """Everything that the answers to some networks follow, within the bounds derived for these."""
    return {
        followed
        for followed in FOLLOWED
        if followed.kind in probes
        and all(_follows(answer, probe, followed) for answer, probe in zip(got, probes[followed.kind], strict=True))
    }


def _follows(got: dict[Quantity, Any], probe: Probe, followed: Followed) -> bool:
    c = followed.scale(probe.case.n, probe.case.widths[-1])
    for quantity, value in got.items():
        expected, allowed = probe.expected[quantity], probe.allowed[quantity]
        if not _is_like(value, expected):
            return False
        if not np.all(
            np.abs(np.asarray(value, float) - c * expected) <= abs(c) * (allowed + ROUNDINGS * np.abs(expected))
        ):
            return False
    return True


def _at_the_kink(last: str, loss: str) -> Case:
    """Four samples through a hidden layer whose inputs are exactly 0, and whose activation is the identity."""
    distribution = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    return Case(
        weights=(np.zeros((3, 2)), np.array([[1.0, 2.0, -1.0], [3.0, -2.0, 1.0]])),
        biases=(np.zeros(3), np.array([2.0, -1.0])),
        x=np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 1.0], [1.0, 1.0]]),
        y=distribution,
        activations=("identity", last),
        loss=loss,
        learning_rate=0.5,
    )


def _grouped(losses: Sequence[LossFollowed]) -> list[tuple[list[str], LossFollowed]]:
    """What was asked for, together where it comes to the same."""
    groups: dict[tuple[object, ...], list[LossFollowed]] = {}
    for found in losses:
        key: tuple[object, ...] = (found.value, found.gradient)
        if {found.value, found.gradient} <= {found.asked, None}:
            key = ("right",)
        elif NONE in key:
            key = (found.value == NONE, found.gradient == NONE)
        groups.setdefault(key, []).append(found)
    return [([found.asked for found in group], group[0]) for group in groups.values()]


def _say_wrong(group: tuple[list[str], LossFollowed]) -> str:
    """What is inconsistent about value and gradient, if anything."""
    names, found = group
    asked = f"asked for {conjoin(names)}" if len(names) < 4 else f"asked for any of {len(names)} losses"
    if {found.value, found.gradient} <= {found.asked, None}:
        return ""
    if NONE in (found.value, found.gradient):
        which = " and ".join(
            what
            for what, followed in (("the value", found.value), ("the gradient", found.gradient))
            if followed == NONE
        )
        return f"{asked.capitalize()}, {which} follow{'' if ' and ' in which else 's'} {NONE}."
    if found.value and found.gradient and found.value != found.gradient:
        return (
            f"{asked.capitalize()}, the value follows {found.value} and the gradient follows {found.gradient}: the "
            f"gradient does not belong to the value{_say_ratio(found.value, found.gradient)}."
        )
    if len(names) == 1:
        return f"{asked.capitalize()}, it follows {found.value or found.gradient}."
    return ""


def _say_ratio(value: str, gradient: str) -> str:
    """How much larger the value is than the loss that the gradient belongs to, where that is a factor."""
    by_name = {followed.name: followed for followed in FOLLOWED}
    if value not in by_name or gradient not in by_name or by_name[value].kind != by_name[gradient].kind:
        return ""
    v, g = by_name[value], by_name[gradient]
    factor = Fraction(v.factor / g.factor)
    return (
        f", which is that loss times {factor}{_power('n', v.samples - g.samples)}{_power('k', v.outputs - g.outputs)}"
    )


def _say_slopes_at_0(function: float | None, backward: float | None) -> str:
    """Where the two slopes at 0 are not one."""
    if function is None or backward is None or function == backward:
        return ""
    return f"relu_prime(0) is {function:g}, and backward multiplies by {backward:g} there."


def _say_findings(
    losses: Sequence[LossFollowed],
    shapes: tuple[str | None, str | None],
    slopes: dict[str, str],
    function_at_0: float | None,
    slope_at_0: float | None,
    step: str | None,
) -> list[str]:
    """What else was found, in sentences."""
    found = []
    right = [each.asked for each in losses if {each.value, each.gradient} <= {each.asked, None}]
    if right:
        found.append(f"What it is asked for, it follows: {', '.join(right)}.")
    for names, each in _grouped(losses):
        followed = each.value or each.gradient
        if len(names) > 1 and followed not in (NONE, each.asked) and {each.value, each.gradient} <= {followed, None}:
            found.append(f"Whichever of {len(names)} losses it is asked for, it follows {followed}.")
    wanted = dict.fromkeys(shape for shape in shapes if shape)
    found += [f"Arrays: {shape}." for shape in wanted]
    if function_at_0 is not None or slope_at_0 is not None:
        found.append(f"The slope of a ReLU at 0 is {slope_at_0 if function_at_0 is None else function_at_0:g}.")
    found += [f"{name} is a function of {argument}." for name, argument in slopes.items()]
    if step:
        found.append(f"A step {step} gradients." if step != NONE else f"A step does {NONE}.")
    return found
