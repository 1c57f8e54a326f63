"""What values and gradients may follow: a kind of loss times factor n^samples k^outputs, and whether they do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from backproof.oracles.case import Quantity
from backproof.reference_impl.contract import LOSSES, Array, LossKind
from backproof.verification.probes import Probe

KINDS: tuple[LossKind, ...] = ("squared_error", "cross_entropy", "binary_cross_entropy")

# What is said where something follows nothing that is known.
NONE = "none of those known"

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
        return f"{factor}{self.kind}{say_power('n', self.samples)}{say_power('k', self.outputs)}"


def say_power(symbol: str, power: int) -> str:
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
    but_for: Annotated[
        list[str], Meta(description="What the program does otherwise, and is no mistake, as `verify` finds it")
    ] = []
    mistakes: Annotated[
        dict[str, str], Meta(description="Of the catalogue, what gives the same gradients as those that follow nothing")
    ] = {}


def is_like(value: Any, array: Array) -> bool:
    """Whether a value consists of numbers, as many as the array."""
    return isinstance(value, np.ndarray | np.generic | float) and np.shape(value) == array.shape


def all_followed(got: Sequence[dict[Quantity, Any]], probes: dict[LossKind, list[Probe]]) -> set[Followed]:
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
        if not is_like(value, expected):
            return False
        if not np.all(
            np.abs(np.asarray(value, float) - c * expected) <= abs(c) * (allowed + ROUNDINGS * np.abs(expected))
        ):
            return False
    return True
