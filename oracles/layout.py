"""Where the arrays of many networks are: in a line one after the other, and padded to one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracles.compiling import compiler
from reference_impl.contract import Array

compiled = compiler()


class Layout(NamedTuple):
    """T arrays of each of S networks: where each starts in a line, and its rows and columns, all (S, T).

    In the line an array stands row by row. Padded, as the arrays (S, T, R, C) or without an R or T of 1, it stands in
    front.
    """

    starts: Array
    rows: Array
    columns: Array

    @classmethod
    def of(cls, rows: Array, columns: Array) -> Layout:
        """Of arrays that follow each other, network by network."""
        sizes = rows * columns
        starts = (np.cumsum(sizes) - sizes.ravel()).reshape(sizes.shape)
        return cls(*map(np.ascontiguousarray, (starts, rows, columns)))

    @property
    def sizes(self) -> Array:
        """How many numbers each array has, (S, T)."""
        return self.rows * self.columns

    def part(self, networks: slice, arrays: slice = slice(None)) -> Layout:
        """Of some of the networks, and of some of the arrays of each, in the same line."""
        return Layout(*(np.ascontiguousarray(numbers[networks, arrays]) for numbers in self))

    def padded(self, line: Array, shape: tuple[int, ...]) -> Array:
        """The arrays in one of that shape, of zeros, which may have room for more networks."""
        found = np.zeros(shape)
        _pad(line, self, self._in_full(found))
        return found

    def take(self, padded: Array, line: Array) -> None:
        """Put padded arrays, maybe followed by those of more networks, into their places in a line."""
        _unpad(self._in_full(np.ascontiguousarray(padded, np.float64)), self, line)

    def _in_full(self, padded: Array) -> Array:
        """The same as (S, T, R, C)."""
        return padded.reshape(len(padded), self.rows.shape[1], -1, padded.shape[-1] if padded.ndim > 1 else 1)


@compiled
def matrix(line: Array, layout: Layout, s: int, t: int) -> Array:
    """Array t of network s."""
    start, rows, columns = layout.starts[s, t], layout.rows[s, t], layout.columns[s, t]
    return line[start : start + rows * columns].reshape((rows, columns))


@compiled
def _pad(line: Array, layout: Layout, padded: Array) -> None:
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            at, columns = layout.starts[s, t], layout.columns[s, t]
            for i in range(layout.rows[s, t]):
                padded[s, t, i, :columns] = line[at : at + columns]
                at += columns


@compiled
def _unpad(padded: Array, layout: Layout, line: Array) -> None:
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
