"""The comparison of many networks at a time, compiled: as `oracles.comparison.compare_segments` has it, in one go."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import OF_INPUT
from backproof.oracles.comparison import COARSE
from backproof.oracles.compiling import Compiled, inner
from backproof.oracles.layout import Layout
from backproof.oracles.stack import Stack
from backproof.reference_impl.contract import Array

# Verdicts and causes by their numbers.
UNCHECKED, AGREES, DISAGREES = range(3)
NONE, NO_FINITE_VALUE, NO_FINITE_BOUND, TOO_COARSE = range(4)


class Outcomes(NamedTuple):
    """What a comparison finds for a kind of quantity, each in an array with a place for every network.

    What there is nothing to say of stays as it is: -1 in layer, row and column, NaN in other numbers, 0 in the rest.
    verdict: by its number. entries, failures, unchecked, coarse (of these): how many. Of the worst entry of those
    checked, where there is one, its layer, row and column, got, expected, allowed and the ratio error / allowed.
    fineness: all that is allowed over all that is expected. indexed: whether anything was checked. cause: of what is
    unchecked.
    """

    verdict: Array
    entries: Array
    failures: Array
    unchecked: Array
    coarse: Array
    layer: Array
    row: Array
    column: Array
    indexed: Array
    cause: Array
    got: Array
    expected: Array
    allowed: Array
    ratio: Array
    fineness: Array


class Naming(NamedTuple):
    """How entries of a kind are named: by the layer, that of each network's first array given, and so many indices."""

    by_layer: bool
    first: Array
    indices: int


def naming(stack: Stack, kind: str) -> Naming:
    """How the entries of a kind are named."""
    return Naming(
        by_layer=kind != "loss" and kind not in OF_INPUT,
        first=stack.depths - stack.depth + (kind != "output"),
        indices={"loss": 0, "db": 1, "step_b": 1}.get(kind, 2),
    )


@inner
def _find_ratios(got: Array, expected: Array, own: Array, theirs: Array, ratios: Array) -> None:
    """error / allowed of every entry, -1 for what is unchecked; without a branch, several in one instruction."""
    for i in range(len(got)):
        allowed, error = own[i] + theirs[i], abs(got[i] - expected[i])
        ratio = 0.0 if error == 0 else error / allowed
        ratio = np.inf if ratio != ratio else ratio  # an answer of NaN is wrong beyond all bounds
        ratios[i] = ratio if (allowed < np.inf) & (abs(expected[i]) < np.inf) else -1.0


@Compiled
def compare(
    got: Array,
    expected: Array,
    own: Array,
    theirs: Array,
    layout: Layout,
    naming: Naming,
    networks: Array,
    nothing: float,
    outcomes: Outcomes,
) -> None:
    """Compare networks entry by entry, and fill in what is found, at their places.

    own, theirs: what got and expected may be off by, the sum of which is allowed. nothing: as in `compare_segments`.
    """
    ratios = np.empty(len(got))
    _find_ratios(got, expected, own, theirs, ratios)
    for s in range(len(networks)):
        worst, worst_t, largest, all_allowed, all_expected = 0, 0, -1.0, 0.0, 0.0
        entries, failures, unchecked, unknown, coarse = 0, 0, 0, 0, 0
        for t in range(layout.starts.shape[1]):
            start = layout.starts[s, t]
            size = layout.rows[s, t] * layout.columns[s, t]
            entries += size
            array, fine = 0.0, 0.0
            for i in range(start, start + size):
                absolute = abs(expected[i]) if abs(expected[i]) < np.inf else 0.0
                array = max(array, absolute)
                fine = max(fine, absolute if own[i] + theirs[i] <= COARSE * absolute else 0.0)
            for i in range(start, start + size):
                ratio, allowed = ratios[i], own[i] + theirs[i]
                if ratio < 0:
                    unchecked += 1
                    unknown += math.isfinite(allowed)
                    continue
                if ratio <= 1 and allowed > COARSE * fine and max(allowed, array) > nothing:
                    unchecked += 1
                    coarse += 1
                    continue
                failures += ratio > 1
                all_allowed += allowed
                all_expected += abs(expected[i])
                if ratio > largest:
                    worst, worst_t, largest = i, t, ratio
        to = networks[s]
        outcomes.entries[to], outcomes.failures[to], outcomes.unchecked[to] = entries, failures, unchecked
        outcomes.coarse[to] = coarse
        outcomes.verdict[to] = DISAGREES if failures > 0 else AGREES if unchecked < entries else UNCHECKED
        if unchecked > 0 and failures == 0:
            if unknown > 0:
                outcomes.cause[to] = NO_FINITE_VALUE
            else:
                outcomes.cause[to] = TOO_COARSE if coarse == unchecked else NO_FINITE_BOUND
        if unchecked == entries:
            continue
        outcomes.indexed[to] = True
        outcomes.got[to], outcomes.expected[to] = got[worst], expected[worst]
        outcomes.allowed[to], outcomes.ratio[to] = own[worst] + theirs[worst], largest
        if all_expected > 0 and math.isfinite(all_allowed / all_expected):
            outcomes.fineness[to] = all_allowed / all_expected
        if naming.by_layer:
            outcomes.layer[to] = naming.first[s] + worst_t
        row, column = divmod(worst - layout.starts[s, worst_t], layout.columns[s, worst_t])
        if naming.indices == 1:
            outcomes.row[to] = column
        elif naming.indices == 2:
            outcomes.row[to], outcomes.column[to] = row, column


@Compiled
def count_exact(
    got: Array, exact: Array, known: Array, networks: Array, layout: Layout, numbers: Array, inexact: Array
) -> None:
    """Add to `numbers` how many of a network's entries are known exactly, and to `inexact` how many are not that."""
    last = layout.starts.shape[1] - 1
    for s in networks:
        end = layout.starts[s, last] + layout.rows[s, last] * layout.columns[s, last]
        for i in range(layout.starts[s, 0], end):
            if known[i]:
                numbers[s] += 1
                inexact[s] += got[i] != exact[i]


def last_outputs(stack: Stack, outputs: Array) -> Array:
    """The last layers' outputs in a line, of all outputs in a line."""
    found = np.empty_like(stack.lines.y)
    last = stack.layout_of("output", stack.depth - 1)
    gather(outputs, last.starts[:, 0], last.sizes[:, 0], found)
    return found


@Compiled
def gather(line: Array, starts: Array, sizes: Array, found: Array) -> None:
    """Put stretches of a line one after the other into another one; NaN for those whose start is -1."""
    at = 0
    for s in range(len(starts)):
        start, size = starts[s], sizes[s]
        for i in range(size):
            found[at + i] = np.nan if start < 0 else line[start + i]
        at += size
