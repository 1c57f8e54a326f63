"""Where in a program a mistake or a difference is: in one branch of it, as for one kind of loss or one activation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from backproof.mistakes.textbook import Textbook, changed_steps
from backproof.reference_impl.contract import find_loss

# How a step calls the activation of the layer that it belongs to.
_ACTIVATION = "g"

_LOSSES = {
    "squared_error": "squared errors",
    "cross_entropy": "cross-entropies",
    "binary_cross_entropy": "binary cross-entropies",
}


BranchOf = Literal["loss", "last", "precision", "name", "layers"]
BRANCHES: tuple[BranchOf, ...] = get_args(BranchOf)


class Network(Protocol):
    """What decides through which branches a program goes."""

    @property
    def activations(self) -> Sequence[str]:
        """Of every layer."""

    @property
    def loss(self) -> str:
        """The loss's name."""

    @property
    def dtype(self) -> str:
        """Of all arrays."""


@dataclass(frozen=True, order=True)
class Branch:
    """All networks with one kind of loss, last activation, precision or loss; or in any the layers of an activation.

    of: which of these; value: the loss's kind, the activation's name, the dtype's or the loss's.
    """

    of: BranchOf
    value: str

    @classmethod
    def through(cls, of: BranchOf, network: Network) -> list[Branch]:
        """The branches of that sort that a program goes through for the network."""
        values: dict[BranchOf, list[str]] = {
            "loss": [find_loss(network.loss).kind],
            "last": [network.activations[-1]],
            "precision": [network.dtype],
            "name": [network.loss],
            "layers": sorted({*network.activations}),
        }
        return [cls(of, value) for value in values[of]]

    @classmethod
    def named(cls, name: str) -> Branch:
        """The branch of that name."""
        of, _, value = name.partition("=")
        return cls(of, value)  # type: ignore[arg-type]

    @property
    def name(self) -> str:
        """As it is written in a record; `named` reads it."""
        return f"{self.of}={self.value}"

    def has(self, network: Network) -> bool:
        """Whether a program goes through it for that network."""
        return self in self.through(self.of, network)

    def says(self) -> str:
        """Where it is, after what is wrong there."""
        return {
            "loss": f"for {_LOSSES.get(self.value, self.value)}",
            "last": f"where the last activation is {self.value}",
            "precision": f"in {self.value}",
            "name": f"for {self.value}",
            "layers": f"in layers of {self.value}",
        }[self.of]

    def limited(self, made: Textbook) -> Textbook:
        """It, in that branch alone, where the branch is one of layers: elsewhere its steps are the usual ones."""
        if self.of != "layers":
            return made
        kind = type(made)
        steps = {step: _limited(kind, step, self.value) for step in changed_steps(kind) if _has_activation(step)}
        limited: Textbook = object.__new__(type(kind.__name__, (kind,), steps))
        vars(limited).update(vars(made))
        return limited


def is_by_layer(kind: type[Textbook]) -> bool:
    """Whether all steps that it changes know the activation of their layer."""
    return all(map(_has_activation, changed_steps(kind)))


def _has_activation(step: str) -> bool:
    return _ACTIVATION in inspect.signature(getattr(Textbook, step)).parameters


def _limited(kind: type[Textbook], step: str, activation: str) -> Callable[..., Any]:
    changed, usual = getattr(kind, step), getattr(Textbook, step)
    at = list(inspect.signature(usual).parameters).index(_ACTIVATION) - 1  # without self

    def either(self: Textbook, *arguments: Any) -> Any:
        return (changed if arguments[at] == activation else usual)(self, *arguments)

    return either
