"""Programs that take no notice of what they are asked for: they are made for one kind of network, and do not say so."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import ACTIVATIONS, HIDDEN_ACTIVATIONS, LOSSES, Array, Layers


class Ignored(Textbook):
    """A program that does always the same. choices: what that may be."""

    hint = "Is it made for that alone? Then a CONVENTION says so, and only such networks are drawn."
    choices: ClassVar[tuple[str, ...]] = ()

    def says(self) -> str:
        """What it takes no notice of, and what it takes instead, as a sentence."""
        raise NotImplementedError


class ActivationsIgnored(Ignored):
    """It takes no notice of the activations that are asked for."""

    choices = tuple(map("-".join, itertools.product(HIDDEN_ACTIVATIONS, ACTIVATIONS)))

    def __init__(self, always: str) -> None:
        """always: the activation of hidden layers and of the last one."""
        self.hidden, self.last = always.split("-")

    def says(self) -> str:
        """Which activations it takes."""
        always = f"hidden layers always have {self.hidden}, and the last one {self.last}"
        return f"It takes no notice of the activations: {always}."

    def _activations(self, weights: Layers) -> list[str]:
        return [*[self.hidden] * (len(weights) - 1), self.last]

    def forward(self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]) -> list[Array]:
        """Of the network with its own activations."""
        return super().forward(weights, biases, x, self._activations(weights))

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        """Of the network with its own activations."""
        return super().backward(weights, biases, x, y, self._activations(weights), loss)


class LossIgnored(Ignored):
    """It takes no notice of the loss that is asked for."""

    choices = tuple(LOSSES)

    def __init__(self, always: str) -> None:
        """always: the loss's name."""
        self.taken = always

    def says(self) -> str:
        """Which loss it takes."""
        return f"It takes no notice of the loss: it is always {self.taken}."

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        """Its own loss."""
        return super().loss(prediction, y, self.taken)

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        """Of its own loss."""
        return super().backward(weights, biases, x, y, activations, self.taken)


IGNORED: dict[str, type[Ignored]] = {kind.__name__: kind for kind in (ActivationsIgnored, LossIgnored)}
