"""The one architecture that a program takes, found by asking it: many are made for 2-2-1, and say so by declining."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace

from backproof.oracles.case import Case
from backproof.oracles.draw import draw_case
from backproof.verification.convention import Convention
from backproof.verification.suiting import suited

# So many networks of each of these profiles are tried first; who takes more than a few is asked about what is drawn.
TRIED, PROFILES, FEW = 8, ("ordinary", "narrow"), 2

# What is tried then: so many layers, where the convention does not say, each of so many neurons at most.
LAYERS, NEURONS = (2, 1, 3), 4


def with_architecture(convention: Convention, declines: Callable[[Case], bool]) -> Convention:
    """The convention, or one with the smallest widths that the program takes, where it declines what is drawn.

    declines: whether it does so for a network. Without biases is tried where no widths are taken with them.
    """
    if convention.widths is not None:
        return convention
    drawn = [draw_case(0, i, profile) for profile in PROFILES for i in range(TRIED)]

    def takes(tried: Convention) -> bool:  # no more are asked about than it needs: a call may take seconds
        taken = (case for case in drawn if not declines(suited(case, tried)))
        return next(itertools.islice(taken, FEW, None), None) is not None

    if takes(convention):
        return convention
    without = replace(convention, biases=False)
    if takes(without):
        return without
    small = min(drawn, key=lambda case: case.size)
    for tried in (convention, without):
        for widths in _architectures(convention):
            fitting = replace(tried, widths=widths)
            if not declines(suited(small, fitting)):
                return fitting
    return convention


def _architectures(convention: Convention) -> Iterator[tuple[int, ...]]:
    """Widths of x and of all layers, small ones first."""
    for layers in LAYERS if convention.layers is None else (convention.layers,):
        if layers in LAYERS:
            yield from sorted(itertools.product(range(1, NEURONS + 1), repeat=layers + 1), key=sum)
