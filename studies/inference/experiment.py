"""Conventions by experiment: which loss, which scale, which slope at a kink and which shapes an implementation follows.

What it gives is held against each of many multiples of each kind of loss, with the bounds derived for the network: it
follows a convention if no entry is farther from it than rounding explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from backproof.mistakes.catalogue import name_of
from backproof.mistakes.differences import Difference
from backproof.mistakes.ignored import ActivationsIgnored, Ignored, LossIgnored
from backproof.oracles.case import Quantity
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import LOSSES, OUTPUT_ACTIVATIONS, Array, LossKind, find_loss
from backproof.studies.inference.followed import KINDS, NONE, ROUNDINGS, Followed, LossFollowed, all_followed, is_like
from backproof.studies.inference.networks import Kind, probe_at_the_kink, probes_of
from backproof.studies.inference.shapes import OF_THE_CONTRACT, SHAPED, Function
from backproof.verification.answered import Answered
from backproof.verification.convention import Convention
from backproof.verification.explanation import Part, is_harmless
from backproof.verification.explanations import Search
from backproof.verification.implementation import Implementation
from backproof.verification.probes import Probe
from backproof.verification.wording import conjoin


class Experiment:
    """What is tried with one implementation."""

    def __init__(self, implementation: Implementation) -> None:
        self.implementation = implementation
        self.convention = implementation.convention or Convention()
        self._unexplained = set[tuple[str, LossKind]]()
        self._differences = dict[str, list[Part]]()
        self._ignored = dict[str, Sequence[Part]]()

    def forward_shapes(self) -> str | None:
        """How forward wants its arrays."""
        return self._first_shapes("forward", self._forward_agrees)

    @cached_property
    def backward_shapes(self) -> str | None:
        """How backward wants and gives them: so that its gradients follow any loss at all."""
        return self._first_shapes("backward", self._backward_follows_any)

    def _alone(self, functions: dict[str, Function]) -> Implementation:
        """These functions of the program, or made of them, and no others."""
        return Implementation("", functions, state=self.implementation.state)

    def _first_shapes(self, name: str, right: Callable[[Implementation], bool | None]) -> str | None:
        """The first shapes in which the function is right; None where there is no function or it declines all."""
        if name not in self.implementation.functions:
            return None
        declined = True
        for shapes, shaped in SHAPED.items():
            found = right(self._alone({name: shaped(self.implementation.functions[name])}))
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

    def probes(self, loss: str, last: str, kind: Kind | None = None) -> list[Probe]:
        """Networks that end in an activation, under a loss: of the kind that backward takes."""
        hidden = next((g for g in ("tanh", "sigmoid", "relu") if g in self.convention.hidden), "identity")
        return probes_of(loss, last, hidden, kind or self._kind)

    @cached_property
    def _kind(self) -> Kind:
        """The first kind of networks of which backward does not decline all: labels may have to be classes."""
        convention = self.convention
        widths = convention.widths if convention.layers != 1 else None
        soft = Kind(layers=convention.layers, widths=widths, biases=convention.biases)
        if "backward" not in self.implementation.functions:
            return soft
        alone = self._alone({"backward": self.implementation.functions["backward"]})
        for kind in (soft, soft._replace(hard=True)):
            for loss, last in self._asked():
                probe = self.probes(loss, last, kind)[0]
                gradients = [v for q, v in probe.ask(alone).items() if q.kind in ("dW", "db")]
                if not all(isinstance(value, Problem) and not value.fails for value in gradients):
                    return kind
        return soft

    @cached_property
    def has_biases(self) -> bool:
        """Whether biases change a gradient, or have one that is not 0."""
        if "backward" not in self.implementation.functions:
            return True
        alone = self._alone({"backward": self.implementation.functions["backward"]})
        for loss, last in self._asked():
            probe, other = (self.probes(loss, last, self._kind._replace(biases=there))[0] for there in (True, False))
            given, without = probe.ask(alone), other.ask(alone)
            for quantity, expected in probe.expected.items():
                value = given[quantity]
                if quantity.kind not in ("dW", "db") or (isinstance(value, Problem) and not value.fails):
                    continue
                if not is_like(value, expected):
                    return True
                if np.any(value) if quantity.kind == "db" else not np.array_equal(value, without[quantity]):
                    return True
        return False

    def loss(self, asked: str) -> LossFollowed | None:
        """What value and gradient follow when a loss is asked for; None where there is neither."""
        follows = {"loss": self._value_follows(asked), "backward": self._gradient_follows(asked)}
        if not any(follows.values()):
            return None
        parts = dict[Part, None]()
        for function, followed in follows.items():
            kind = find_loss(asked).kind
            if not followed or NONE not in followed or (function, kind) in self._unexplained:
                continue
            found = self._explaining(asked, function)
            if not found:  # nor would another scale of the same loss be
                self._unexplained.add((function, kind))
            elif is_harmless(found):
                follows[function] = asked
                self._differences.setdefault(asked, []).extend(found)
            elif function == "backward" and all(issubclass(part.kind, Ignored) for part in found):
                self._ignored[asked] = found
            parts |= dict.fromkeys(found)
        return LossFollowed(
            asked,
            follows["loss"],
            follows["backward"],
            [part.says() for part in parts if part.is_difference],
            {name_of(part.kind): part.says() for part in parts if not part.is_difference},
        )

    def _explaining(self, asked: str, function: str) -> Sequence[Part]:
        """What explains values or gradients that follow nothing, held against the loss that was asked for."""
        if function == "loss":
            called = self.implementation.functions[function]
            kinds: tuple[str, ...] = (function,)
            probes = self.probes(asked, "softmax", self._kind._replace(widths=None))
        else:
            called, kinds = self._backward, self._gradient_kinds
            probes = [p for loss, last in self._asked() if loss == asked for p in self.probes(asked, last, self._like)]
        alone, right, wrong = self._alone({function: called}), list[Answered](), list[Answered]()
        for probe in probes:
            given = probe.ask(alone)
            answered = probe.answered(function, given, probe.records(given, kinds))
            (wrong if answered.failing else right).append(answered)
        found = Search(function, wrong, lambda: right).found() if wrong else []
        return found[0].parts if found else ()

    def _value_follows(self, asked: str) -> str | None:
        """What the value of a loss follows, of predictions that are distributions."""
        like = self._kind._replace(widths=None)  # which the loss knows nothing of
        probes = {kind: self.probes(f"{kind}_sum", "softmax", like) for kind in KINDS}
        alone = self._alone({k: f for k, f in self.implementation.functions.items() if k == "loss"})
        quantity = Quantity("loss")
        got = []
        for probe in probes["squared_error"]:
            answer = alone.answer(replace(probe.case, loss=asked), probe.prediction)[quantity]
            if isinstance(answer, Problem) and not answer.fails:
                return None
            got.append({quantity: answer})
        return self._name(asked, all_followed(got, probes))

    @property
    def _backward(self) -> Function:
        """It, as the contract has it, as far as its arrays are known."""
        shapes = self.backward_shapes or NONE
        return SHAPED[OF_THE_CONTRACT if shapes == NONE else shapes](self.implementation.functions["backward"])

    @property
    def _gradient_kinds(self) -> tuple[str, ...]:
        """The kinds of gradients that it gives."""
        return ("dW", "db") if self.has_biases else ("dW",)

    @property
    def _like(self) -> Kind:
        """What networks are like about which backward is asked."""
        return self._kind if self.has_biases else self._kind._replace(biases=False)

    def _gradient_follows(self, asked: str) -> str | None:
        """What gradients follow, after every last activation that the loss goes with."""
        if not self.backward_shapes:
            return None
        if self.backward_shapes == NONE:
            return NONE
        alone = self._alone({"backward": self._backward})
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
        probes = {kind: self.probes(f"{kind}_sum", last, self._like) for kind in kinds}
        got = []
        for probe in probes[kinds[0]]:
            wanted = self._given_gradients(alone, probe, asked)
            if all(isinstance(value, Problem) and not value.fails for value in wanted.values()):
                return None
            got.append(wanted)
        return all_followed(got, probes)

    def _name(self, asked: str, followed: set[Followed]) -> str:
        """What is followed, by name; what was asked for if it is among it."""
        names = {each.name for each in followed}
        return asked if asked in names else min(names, default=NONE)

    def found_convention(self, losses: Sequence[LossFollowed]) -> Convention | None:
        """The convention that backward follows, as its own says or narrower; None where it follows none.

        losses: what `loss` has found. A loss is in it where gradients follow it whenever it is asked for, after each of
        the last activations that it goes with.
        """
        if self.backward_shapes is None:
            return None
        alone, explained = self._alone({"backward": self._backward}), {each.asked for each in losses if each.but_for}
        right = {
            (loss, last)
            for loss, last in self._asked()
            if loss in explained or loss in {each.name for each in self._gradients(alone, loss, last) or ()}
        }
        lasts = [last for last in self.convention.last if any(pair[1] == last for pair in right)]
        # After most of them the same losses are followed, or else after the one with the most.
        for kept in (lasts, *sorted(([last] for last in lasts), key=lambda one: -sum(p[1] in one for p in right))):
            found = tuple(
                loss
                for loss in self.convention.losses
                if (going := {last for asked, last in self._asked() if asked == loss and last in kept})
                and all((loss, last) in right for last in going)
            )
            if found:
                hidden = self._hidden_followed(alone, *next(pair for pair in self._asked() if pair in right))
                declared = {
                    made.declares()
                    for parts in self._differences.values()
                    for part in parts
                    if isinstance(made := part.made(), Difference)
                }
                return replace(
                    self.convention,
                    hidden=hidden or self.convention.hidden,
                    last=tuple(kept),
                    losses=found,
                    biases=self.has_biases and self.convention.biases,
                    differences=tuple(dict.fromkeys((*self.convention.differences, *sorted(declared)))),
                )
        return self._always_taken()

    def _always_taken(self) -> Convention | None:
        """The convention of a program that takes no notice of what it is asked for, and is right for what it takes."""
        if not self._ignored:
            return None
        convention = replace(
            self.convention, losses=tuple(self._ignored), biases=self.has_biases and self.convention.biases
        )
        for part in next(iter(self._ignored.values())):
            made = part.made()
            if isinstance(made, ActivationsIgnored):
                convention = replace(convention, hidden=(made.hidden,), last=(made.last,))
            elif isinstance(made, LossIgnored):
                convention = replace(convention, losses=(made.taken,))
        return convention

    def _hidden_followed(self, alone: Implementation, loss: str, last: str) -> tuple[str, ...]:
        """The hidden activations with which gradients follow the loss."""
        if self.convention.layers == 1 or loss in self._differences:
            return self.convention.hidden
        found = []
        for g in self.convention.hidden:
            probes = {find_loss(loss).kind: probes_of(f"{find_loss(loss).kind}_sum", last, g, self._like)}
            (of_kind,) = probes.values()
            got = [self._given_gradients(alone, probe, loss) for probe in of_kind]
            if loss in {each.name for each in all_followed(got, probes)}:
                found.append(g)
        return tuple(found)

    def _given_gradients(self, alone: Implementation, probe: Probe, asked: str) -> dict[Quantity, Any]:
        """What backward gives about a network when a loss is asked for."""
        answer = alone.answer(replace(probe.case, loss=asked), probe.prediction)
        return {quantity: value for quantity, value in answer.items() if quantity.kind in self._gradient_kinds}

    def slope(self, name: str) -> str | None:
        """Whether a derivative is a function of the pre-activation or of the output."""
        if name not in self.implementation.functions:
            return None
        prime, activation = self.implementation.functions[name], Quantity(name.removesuffix("_prime"))
        probe = self.probes("squared_error_sum", "identity")[0]

        def right(argument: Array) -> bool:
            answer = self._alone({name: lambda _: prime(argument)}).answer(probe.case, probe.prediction)
            return all(record.verdict == "agrees" for record in probe.records(answer, [name]))

        if right(probe.case.x.copy()):
            return "the pre-activation"
        return "the output" if right(probe.expected[activation].copy()) else NONE

    def relu_prime_at_0(self) -> float | None:
        """What relu_prime gives at 0, if there is one and it gives a number."""
        if "relu_prime" not in self.implementation.functions:
            return None
        probe = probe_at_the_kink("identity", "squared_error_sum")
        alone = self._alone({"relu_prime": lambda z: self.implementation.functions["relu_prime"](0 * z)})
        answer = probe.ask(alone)[Quantity("relu_prime")]
        return float(answer[0, 0]) if is_like(answer, probe.case.x) else None

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
        linear = probe_at_the_kink(last, loss)
        kink = replace(linear.case, activations=("relu", last))
        quantity = Quantity("dW", 1)
        got = self._alone({"backward": self._backward}).answer(kink, linear.prediction)[quantity]
        expected = linear.expected[quantity]
        if not is_like(got, expected):
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
        answer = probe.ask(self._alone(functions))
        if all(record.verdict == "agrees" for record in probe.records(answer, ["step_W", "step_b"])):
            return "subtracts"
        starts = {quantity: start for quantity, start, _ in probe.case.steps()}
        mirrored = {
            quantity: 2 * start - answer[quantity]
            for quantity, start in starts.items()
            if is_like(answer[quantity], start)
        }
        if len(mirrored) < len(starts):
            return NONE
        records = probe.records({**answer, **mirrored}, ["step_W", "step_b"])
        return "adds" if all(record.verdict == "agrees" for record in records) else NONE
