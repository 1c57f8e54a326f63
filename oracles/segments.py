"""The comparison of many networks at a time, compiled: as `oracles.comparison.compare_segments` has it, in one go."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oracles.compiling import compiler
from oracles.layout import Layout
from reference_impl.contract import Array

compiled = compiler()


class Found(NamedTuple):
    """What a comparison found in segments, each the numbers of one kind that a network has.

    failures, unchecked: how many entries; unknown: how many that a bound would allow to check, but the oracle does not
    know. position: of the worst entry, counted from the segment's start; got, expected, allowed, ratio: its own, NaN
    where nothing was checked. all_allowed, all_expected: what is allowed, and the absolute expected values, summed over
    the checked entries.
    """

    failures: Array
    unchecked: Array
    unknown: Array
    position: Array
    got: Array
    expected: Array
    allowed: Array
    ratio: Array
    all_allowed: Array
    all_expected: Array

    @classmethod
    def of(cls, counts: Array, numbers: Array) -> Found:
        """What `compare` has filled in."""
        return cls(*counts, *numbers)


@compiled
def compare(
    got: Array, expected: Array, own: Array, theirs: Array, sizes: Array, place: int, counts: Array, numbers: Array
) -> None:
    """Compare entry by entry, and fill in what is found in the segments of the given sizes, that follow each other.

    own, theirs: what got and expected may be off by, the sum of which is allowed. counts (4, _), numbers (6, _), filled
    with NaN: where the fields of `Found` go, of whole numbers and others, from the given place on.
    """
    start = 0
    for i in range(len(sizes)):
        worst, largest, all_allowed, all_expected = start, -1.0, 0.0, 0.0
        failures, unchecked, unknown = 0, 0, 0
        for j in range(start, start + sizes[i]):
            allowed = own[j] + theirs[j]
            if not (math.isfinite(allowed) and math.isfinite(expected[j])):
                unchecked += 1
                unknown += math.isfinite(allowed)
                continue
            error = abs(got[j] - expected[j])
            ratio = error / allowed if error != 0 else 0.0
            if math.isnan(ratio):  # an answer of NaN is wrong beyond all bounds
                ratio = np.inf
            failures += ratio > 1
            all_allowed += allowed
            all_expected += abs(expected[j])
            if ratio > largest:
                worst, largest = j, ratio
        to = place + i
        counts[0, to], counts[1, to], counts[2, to], counts[3, to] = failures, unchecked, unknown, worst - start
        numbers[4, to], numbers[5, to] = all_allowed, all_expected
        if unchecked < sizes[i]:
            numbers[0, to], numbers[1, to] = got[worst], expected[worst]
            numbers[2, to], numbers[3, to] = own[worst] + theirs[worst], largest
        start += sizes[i]


@compiled
def count_exact(
    got: Array, exact: Array, known: Array, networks: Array, layout: Layout, numbers: Array, wrong: Array
) -> None:
    """Add to `numbers` how many of a network's entries are known exactly, and note in `wrong` where one is not that."""
    for s in networks:
        for t in range(layout.starts.shape[1]):
            start = layout.starts[s, t]
            for i in range(start, start + layout.rows[s, t] * layout.columns[s, t]):
                if known[i]:
                    numbers[s] += 1
                    wrong[s] |= got[i] != exact[i]
