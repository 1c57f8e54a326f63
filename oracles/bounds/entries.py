"""Where the numbers of a layer are: in a line without padding for what is done entry by entry, padded for products."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backproof.oracles.stack import Stack
from backproof.reference_impl.contract import Array


@dataclass(frozen=True, eq=False)
class Entries:
    """The F entries that there are of an array (S, N, K) of S networks, N samples and K neurons, in its order.

    places (F,): where they are in the array, laid out in a line. Every network has some.
    """

    shape: tuple[int, int, int]
    places: Array

    @classmethod
    def of_layer(cls, stack: Stack, t: int) -> Entries:
        """Of the outputs of layer t, in arrays as wide as the widest network there and as long as the longest batch."""
        S, K = stack.active[t], stack.widest[t + 1]
        there = stack.sampled[:S, : stack.longest, None] & stack.there[:S, t + 1, None, :K]
        return cls(there.shape, np.flatnonzero(there))

    @cached_property
    def networks(self) -> Array:
        """The network of each entry, (F,)."""
        return self.places // (self.shape[1] * self.shape[2])

    @cached_property
    def neurons(self) -> Array:
        """The neuron of each entry, (F,)."""
        return self.places % self.shape[2]

    @cached_property
    def samples(self) -> Array:
        """The sample of each entry among all S N samples, (F,)."""
        return self.places // self.shape[2]

    @cached_property
    def _row_starts(self) -> Array:
        """The first entry of every sample that there is."""
        return np.flatnonzero(np.diff(self.samples, prepend=-1))

    @cached_property
    def rows(self) -> Array:
        """The row of each entry, (F,): rows are the samples that there are."""
        return np.cumsum(np.diff(self.samples, prepend=-1) > 0) - 1

    @cached_property
    def row_samples(self) -> Array:
        """The sample of each row among all S N samples."""
        return self.samples[self._row_starts]

    @cached_property
    def network_starts(self) -> Array:
        """The first entry of every network."""
        return np.searchsorted(self.networks, np.arange(self.shape[0]))

    def in_line(self, array: Array) -> Array:
        """The entries of an array (..., S, N, K), as (..., F)."""
        return array.reshape(*array.shape[:-3], -1)[..., self.places]

    def padded(self, line: Array) -> Array:
        """An array (..., S, N, K) with these entries (..., F) and zeros."""
        array = np.zeros((*line.shape[:-1], math.prod(self.shape)))
        array[..., self.places] = line
        return array.reshape(*line.shape[:-1], *self.shape)

    def padded_vectors(self, lines: Array) -> Array:
        """An array (S, N, K, P) from a vector for every entry, (F, P)."""
        array = np.zeros((math.prod(self.shape), lines.shape[1]))
        array[self.places] = lines
        return array.reshape(*self.shape, -1)

    def vectors_in_line(self, array: Array) -> Array:
        """A vector for every entry, (F, P), of an array (S, N, K, P)."""
        return array.reshape(math.prod(self.shape), array.shape[-1])[self.places]

    def over_rows(self, ufunc: np.ufunc, line: Array) -> Array:
        """What a ufunc makes of every row, for each of its entries: (..., F) to (..., F)."""
        return ufunc.reduceat(line, self._row_starts, axis=-1)[..., self.rows]

    def row_sums(self, line: Array) -> Array:
        """The sum over an entry's row, for each entry."""
        return self.over_rows(np.add, line)

    def sums_of_rows(self, lines: Array) -> Array:
        """The sum of the vectors (F, P) of each row, for each row."""
        return np.add.reduceat(lines, self._row_starts, axis=0)

    @cached_property
    def row_sizes(self) -> Array:
        """How many entries an entry's row has, (F,)."""
        return self.row_sums(np.ones(len(self.places)))

    def over_networks(self, ufunc: np.ufunc, line: Array) -> Array:
        """What a ufunc makes of every network's entries: (..., F) to (..., S)."""
        return ufunc.reduceat(line, self.network_starts, axis=-1)

    def of(self, networks: Array) -> tuple[Array, Entries]:
        """Which entries some of the networks have, and the entries of those networks alone."""
        renumbered = np.full(self.shape[0], -1)
        renumbered[networks] = np.arange(len(networks))
        number = renumbered[self.networks]
        chosen = np.flatnonzero(number >= 0)
        _, N, K = self.shape
        places = self.places[chosen] + (number[chosen] - self.networks[chosen]) * (N * K)
        return chosen, Entries((len(networks), N, K), places)
