"""Where the arrays of many networks are: in a line one after the other, and padded to one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from backproof.oracles.compiling import Compiled
from backproof.reference_impl.contract import Array

# Of so few networks arrays are moved without anything being compiled, which takes longer, as does loading what was.
FEW = 48


def starts_of(sizes: Array) -> Array:
    """Where segments of these sizes begin in a line, in which they follow each other, row by row."""
    return (np.cumsum(sizes) - sizes.ravel()).reshape(sizes.shape)


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
        return cls(*map(np.ascontiguousarray, (starts_of(rows * columns), rows, columns)))

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
        self._ready(_pad)(line, self, self._in_full(found))
        return found

    def take(self, padded: Array, line: Array) -> None:
        """Put padded arrays, maybe followed by those of more networks, into their places in a line."""
        self._ready(_unpad)(self._in_full(np.ascontiguousarray(padded, np.float64)), self, line)

    def turned(self, line: Array) -> Array:
        """The line with the numbers of each array in reverse order."""
        found = np.empty_like(line)
        self._ready(_turn)(line, self, found)
        return found

    def _in_full(self, padded: Array) -> Array:
        """The same as (S, T, R, C)."""
        return padded.reshape(len(padded), self.rows.shape[1], -1, padded.shape[-1] if padded.ndim > 1 else 1)

    def _ready(self, function: Compiled) -> Callable[..., None]:
        """A function, compiled if there are many networks."""
        return function if len(self.rows) > FEW else function.as_it_stands


@Compiled
def _pad(line: Array, layout: Layout, padded: Array) -> None:
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            at, columns = layout.starts[s, t], layout.columns[s, t]
            for i in range(layout.rows[s, t]):
                padded[s, t, i, :columns] = line[at : at + columns]
                at += columns


@Compiled
def _unpad(padded: Array, layout: Layout, line: Array) -> None:
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            at, columns = layout.starts[s, t], layout.columns[s, t]
            for i in range(layout.rows[s, t]):
                line[at : at + columns] = padded[s, t, i, :columns]
                at += columns


@Compiled
def _turn(line: Array, layout: Layout, turned: Array) -> None:
    S, T = layout.starts.shape
    for s in range(S):
        for t in range(T):
            start = layout.starts[s, t]
            end = start + layout.rows[s, t] * layout.columns[s, t]
            turned[start:end] = line[start:end][::-1]
