"""The comparison of many networks at a time, compiled: as `oracles.comparison.compare_segments` has it, in one go."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oracles.compiling import compiler
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
    def of(cls, segments: int) -> Found:
        """Of so many segments, to be filled in."""
        return cls(*(np.zeros(segments, int) for _ in range(4)), *(np.full(segments, np.nan) for _ in range(6)))

    def part(self, start: int, end: int) -> Found:
        """Some of the segments, in the same memory."""
        return Found(*(column[start:end] for column in self))


@compiled
def compare(got: Array, expected: Array, own: Array, theirs: Array, sizes: Array, found: Found) -> None:
    """Compare entry by entry, and fill in what is found in the segments of the given sizes, that follow each other.

    own, theirs: what got and expected may be off by, the sum of which is allowed.
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
        found.failures[i], found.unchecked[i], found.unknown[i] = failures, unchecked, unknown
        found.position[i] = worst - start
        found.all_allowed[i], found.all_expected[i] = all_allowed, all_expected
        if unchecked < sizes[i]:
            found.got[i], found.expected[i] = got[worst], expected[worst]
            found.allowed[i], found.ratio[i] = own[worst] + theirs[worst], largest
        start += sizes[i]
