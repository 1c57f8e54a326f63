"""Attribution: of two answers that differ by more than they may, which one left the truth.

Each is held against the certified enclosure with its own bound alone, so that the verdict is a proof.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.certified import SMALL, Enclosure, enclose
from backproof.oracles.comparison import Outside
from backproof.reference_impl.contract import Array

# What half of the smallest float64 cannot tell from 0.
SMALLEST = np.finfo(np.float64).smallest_subnormal

Side = Literal["inside", "outside", "undecided"]


class Attribution:
    """The certified truth about one case, worked out once, to attribute its disagreements by."""

    def __init__(self, case: Case, allowed: Answer) -> None:
        """allowed: the narrowest bound that the truth will be held against, the implementation's or an oracle's."""
        self.enclosure: Enclosure = enclose(case, allowed)

    def outside(self, quantity: Quantity, got: Array, own: Array, expected: Array, theirs: Array) -> Outside:
        """Which of the two answers is outside its bound of the certified value, `own` and `theirs`."""
        sides = self.side(quantity, got, own), self.side(quantity, expected, theirs)
        if "undecided" in sides:
            return "undecided"
        found: dict[tuple[bool, bool], Outside] = {
            (True, False): "implementation",
            (False, True): "oracle",
            (True, True): "both",
            (False, False): "neither",
        }
        return found[sides[0] == "outside", sides[1] == "outside"]

    def side(self, quantity: Quantity, values: Array, allowed: Array) -> Side:
        """Whether any entry is certainly farther from the exact value than allowed, or none can be.

        A ball of a hundredth of what is allowed counts as a point, and so does one that float64 cannot tell from one.
        """
        least, most = self.enclosure.distance(quantity, values)
        bounded = np.isfinite(allowed)
        if np.any(least[bounded] > allowed[bounded]):
            return "outside"
        narrow = self.enclosure.radius[quantity] <= np.maximum(SMALL * allowed, SMALLEST)
        return "inside" if np.all((most <= allowed) | narrow | ~bounded) else "undecided"
