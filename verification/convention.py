"""What an implementation declares that it can do."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.reference_impl.contract import (
    ACTIVATIONS,
    HIDDEN_ACTIVATIONS,
    LOSSES,
    OUTPUT_ACTIVATIONS,
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
        if not self.pairs():
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

    def pairs(self) -> list[tuple[str, str]]:
        """The losses, each with the last activations that it goes with."""
        return [(loss, g) for loss in self.losses for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind] if g in self.last]
