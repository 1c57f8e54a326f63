"""What an implementation declares that it can do, and how a drawn network is made to suit that."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import (
    ACTIVATIONS,
    HIDDEN_ACTIVATIONS,
    LOSSES,
    OUTPUT_ACTIVATIONS,
    Array,
    find_loss,
)


@dataclass(frozen=True)
class Convention:
    """The networks and losses that a program is made for; an adapter declares it under the name CONVENTION.

    hidden: activations of hidden layers; one_hidden: all hidden layers have the same. last: activations of the last
    layer. losses: by the contract's names, which say factor and reduction. layers: at most so many.
    widths: of x and of every layer, where a program is made for these alone, as (2, 2, 1). biases: whether there are
    any; else they are given as 0.
    differences: what the program does otherwise than the contract and is no mistake, as a report says it, such as
    "epsilon=1e-07".

    Raises ValueError for a name that the contract does not know, and where no loss goes with any last activation.
    """

    hidden: tuple[str, ...] = HIDDEN_ACTIVATIONS
    last: tuple[str, ...] = ACTIVATIONS
    losses: tuple[str, ...] = tuple(LOSSES)
    one_hidden: bool = False
    layers: int | None = None
    widths: tuple[int, ...] | None = None
    biases: bool = True
    differences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, names, known in (
            ("hidden activation", self.hidden, HIDDEN_ACTIVATIONS),
            ("last activation", self.last, ACTIVATIONS),
            ("loss", self.losses, tuple(LOSSES)),
        ):
            if isinstance(names, str):
                raise ValueError(f"a convention takes several names of a {what}, as in ({names!r},)")
            if unknown := [name for name in names if name not in known]:
                raise ValueError(f"unknown {what} {unknown[0]!r}; the contract knows {', '.join(known)}")
        if not self._pairs():
            raise ValueError(
                f"none of the losses {list(self.losses)} goes with any of {list(self.last)} in the last layer"
            )
        if not self.hidden and self.layers != 1:
            raise ValueError("a convention without hidden activations is one of a single layer: layers=1")
        if self.widths is not None and (len(self.widths) < 2 or min(self.widths) < 1):
            raise ValueError(f"widths are those of x and of one layer or more, as in (2, 2, 1); got {self.widths}")
        if self.layers is not None and self.layers < 1:
            raise ValueError(f"a network has at least one layer; {self.layers} were declared")

    @property
    def declared(self) -> tuple[str, ...]:
        """All that the program does otherwise, as a report says it."""
        return self.differences if self.biases else (*self.differences, "biases=False")

    def suit(self, case: Case) -> Case:
        """The network itself where it is one of these, else one that is: with other activations, loss, or labels.

        The same network always gives the same one; its name stays, since the convention belongs to what is judged.
        """
        if not self.biases and any(b.any() for b in case.biases):
            case = replace(case, biases=tuple(np.zeros_like(b) for b in case.biases))
        if self.widths is not None and case.widths != self.widths:
            case = _resized(case, self.widths)
        depth = min(case.depth, self.layers or case.depth)
        hidden = self._hidden(case, depth - 1)
        y = case.y if depth == case.depth else np.resize(case.y, (case.n, case.widths[depth]))
        loss, last = self._loss_and_last(case, y.shape[1])
        activations = (*hidden, last)
        if (depth, activations, loss) == (case.depth, case.activations, case.loss):
            return case
        return replace(
            case,
            weights=case.weights[:depth],
            biases=case.biases[:depth],
            y=_labels(y, find_loss(loss).kind),
            activations=activations,
            loss=loss,
        )

    def _pairs(self) -> list[tuple[str, str]]:
        """The losses, each with the last activations that it goes with."""
        return [(loss, g) for loss in self.losses for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind] if g in self.last]

    def _hidden(self, case: Case, layers: int) -> tuple[str, ...]:
        """What is allowed stays; the rest is chosen by the layer's width."""
        chosen = [
            g if g in self.hidden else self.hidden[k % len(self.hidden)]
            for g, k in zip(case.activations[:layers], case.widths[1:], strict=False)
        ]
        return tuple(chosen[:1] * layers if self.one_hidden else chosen)

    def _loss_and_last(self, case: Case, k: int) -> tuple[str, str]:
        """What is allowed stays; the rest is chosen by the network's size.

        After a softmax of one output, which is always 1, the binary cross-entropy is infinite.
        """
        pairs = self._pairs()
        finite = [(loss, g) for loss, g in pairs if k > 1 or g != "softmax" or not loss.startswith("binary")] or pairs
        for fitting in (
            [pair for pair in finite if pair == (case.loss, case.activations[-1])],
            [pair for pair in finite if pair[0] == case.loss],
            [pair for pair in finite if pair[1] == case.activations[-1]],
            finite,
        ):
            if fitting:
                return fitting[(case.n + sum(case.widths)) % len(fitting)]
        raise AssertionError


def _resized(case: Case, widths: tuple[int, ...]) -> Case:
    """The network with other widths and layers: its numbers, as many as there is room for, or again from the first."""
    layers, hidden = range(len(widths) - 1), case.activations[:-1] or HIDDEN_ACTIVATIONS
    y = np.resize(case.y, (case.n, widths[-1]))
    return replace(
        case,
        weights=tuple(np.resize(case.weights[i % case.depth], (widths[i + 1], widths[i])) for i in layers),
        biases=tuple(np.resize(case.biases[i % case.depth], widths[i + 1]) for i in layers),
        x=np.resize(case.x, (case.n, widths[0])),
        y=_labels(y, find_loss(case.loss).kind),
        activations=(*(hidden[i % len(hidden)] for i in layers[:-1]), case.activations[-1]),
    )


def _labels(y: Array, kind: str) -> Array:
    """Labels that the kind of loss makes sense for: as they are where they do, else classes by the largest."""
    if kind == "squared_error" or (kind == "binary_cross_entropy" and ((y >= 0) & (y <= 1)).all()):
        return y
    if kind == "binary_cross_entropy":
        return (y > 0).astype(y.dtype)
    if (y >= 0).all() and (np.abs(y.sum(axis=1) - 1) < 1e-6).all():
        return y
    return np.eye(y.shape[1], dtype=y.dtype)[y.argmax(axis=1)]
