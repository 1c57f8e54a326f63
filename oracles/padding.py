"""Arrays moved between lines and padded ones, compiled."""

from __future__ import annotations

import numpy as np

from oracles.compiling import compiler
from oracles.layout import Layout
from reference_impl.contract import Array

compiled = compiler()


@compiled
def matrix(line: Array, layout: Layout, s: int, t: int) -> Array:
    """Array t of network s."""
    start, rows, columns = layout.starts[s, t], layout.rows[s, t], layout.columns[s, t]
    return line[start : start + rows * columns].reshape((rows, columns))


@compiled
def pad(line: Array, layout: Layout, padded: Array) -> None:
    """Put what is in a line into its places in (S, T, R, C)."""
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            at, columns = layout.starts[s, t], layout.columns[s, t]
            for i in range(layout.rows[s, t]):
                padded[s, t, i, :columns] = line[at : at + columns]
                at += columns


@compiled
def unpad(padded: Array, layout: Layout, line: Array) -> None:
    """Put what is there of (S, T, R, C) into its places in a line."""
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            at, columns = layout.starts[s, t], layout.columns[s, t]
            for i in range(layout.rows[s, t]):
                line[at : at + columns] = padded[s, t, i, :columns]
                at += columns


@compiled
def turn(line: Array, layout: Layout, turned: Array) -> None:
    """Put arrays into another line, the numbers of each in reverse order."""
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            start = layout.starts[s, t]
            end = start + layout.rows[s, t] * layout.columns[s, t]
            turned[start:end] = line[start:end][::-1]


@compiled
def gather(line: Array, starts: Array, sizes: Array, found: Array) -> None:
    """Put stretches of a line one after the other into another one; NaN for those whose start is -1."""
    at = 0
    for s in range(len(starts)):
        start, size = starts[s], sizes[s]
        if start < 0:
            found[at : at + size] = np.nan
        else:
            found[at : at + size] = line[start : start + size]
        at += size
