"""Where the arrays of many networks are: in a line one after the other, and padded to one shape."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference_impl.contract import Array


class Layout(NamedTuple):
    """T arrays of each of S networks: where each starts in a line, and its rows and columns, all (S, T).

    In the line an array stands row by row. Padded, as the arrays (S, T, R, C) or without an R or T of 1, it stands in
    front. What moves them is compiled (`oracles.padding`), and is loaded when it is needed.
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

    def turned(self, line: Array) -> Array:
        """The line with the numbers of each array in reverse order."""
        from oracles import padding

        found = np.empty_like(line)
        padding.turn(line, self, found)
        return found

    @property
    def sizes(self) -> Array:
        """How many numbers each array has, (S, T)."""
        return self.rows * self.columns

    def part(self, networks: slice, arrays: slice = slice(None)) -> Layout:
        """Of some of the networks, and of some of the arrays of each, in the same line."""
        return Layout(*(np.ascontiguousarray(numbers[networks, arrays]) for numbers in self))

    def padded(self, line: Array, shape: tuple[int, ...]) -> Array:
        """The arrays in one of that shape, of zeros, which may have room for more networks."""
        from oracles import padding

        found = np.zeros(shape)
        padding.pad(line, self, self._in_full(found))
        return found

    def take(self, padded: Array, line: Array) -> None:
        """Put padded arrays, maybe followed by those of more networks, into their places in a line."""
        from oracles import padding

        padding.unpad(self._in_full(np.ascontiguousarray(padded, np.float64)), self, line)

    def _in_full(self, padded: Array) -> Array:
        """The same as (S, T, R, C)."""
        return padded.reshape(len(padded), self.rows.shape[1], -1, padded.shape[-1] if padded.ndim > 1 else 1)
