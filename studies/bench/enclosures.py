"""How long it takes to enclose the exact values of a network, forward, loss, backward and all the rest."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.certified import enclose
from backproof.oracles.draw import Architecture
from backproof.studies.bench.sizes import timed

# Widths and batch sizes.
ENCLOSED = (((4, 16, 16, 3), 8), ((4, 64, 64, 10), 32), ((16, 128, 128, 10), 64))


class Enclosing(msgspec.Struct, frozen=True):
    """Seconds to enclose every quantity of one network, the median of many times."""

    widths: list[int]
    batch: int
    bits: Annotated[int, Meta(description="Of precision, which are doubled until the balls are small")]
    entries: Annotated[int, Meta(description="How many numbers are enclosed")]
    seconds: float


def measure_enclosures() -> list[Enclosing]:
    """A row for every size: tanh, softmax, cross-entropy; as narrow as disagreements in float64 are attributed by."""
    return [_enclosing(widths, n) for widths, n in ENCLOSED]


def _enclosing(widths: tuple[int, ...], n: int) -> Enclosing:
    activations = ["tanh"] * (len(widths) - 2) + ["softmax"]
    case = Architecture(tuple(widths), tuple(activations), "cross_entropy_mean", n).draw(0, 0)
    ((allowed,),) = (found.allowances for found in bounds([case], [NUMPY["float64"]]))
    entries = sum(values.size for values in allowed.values())
    return Enclosing(list(widths), n, enclose(case, allowed).bits, entries, timed(lambda: enclose(case, allowed)))
