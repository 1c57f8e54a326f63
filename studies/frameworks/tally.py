"""Distributions of millions of numbers, counted on a logarithmic scale as they come."""

from __future__ import annotations

import numpy as np

from backproof.reference_impl.contract import Array

# Eight bins to every factor of two up to 2^56: a quantile is known to 9 %.
HIGHEST, PER_OCTAVE = 56, 8


class Tally:
    """One distribution of non-negative numbers for each of so many rows.

    lowest: what is no larger than 2^lowest counts as 0. Numbers without a unit of their own, such as absolute errors,
    may be as small as float64 goes.
    """

    def __init__(self, rows: int, lowest: int = -40) -> None:
        self.lowest = lowest
        bins = (HIGHEST - lowest) * PER_OCTAVE + 2  # one for what is smaller, and one for what is larger
        self.counts = np.zeros((rows, bins), np.int64)
        self.largest = np.zeros(rows)

    def add(self, rows: Array, values: Array) -> None:
        """Count each value in its row; NaN counts as infinite."""
        values = np.where(np.isnan(values), np.inf, values)
        with np.errstate(divide="ignore"):
            octave = np.log2(values)
        number = self.counts.shape[1]
        bins = np.clip(np.ceil((octave - self.lowest) * PER_OCTAVE), 0, number - 1).astype(np.int64)
        self.counts += np.bincount(rows * number + bins, minlength=self.counts.size).reshape(self.counts.shape)
        np.maximum.at(self.largest, rows, values)

    def quantile(self, rows: Array | slice, share: float) -> float:
        """A number that the share of all values in the rows do not exceed, and no more than 9 % above the least such.

        NaN where there are no values.
        """
        counts = self.counts[rows].sum(axis=0)
        if not (total := counts.sum()):
            return float("nan")
        number = int(np.searchsorted(np.cumsum(counts), share * total))
        if number == 0:
            return 0.0
        most = self.most(rows)
        return most if number == len(counts) - 1 else min(2.0 ** (self.lowest + number / PER_OCTAVE), most)

    def most(self, rows: Array | slice) -> float:
        """The largest value of the rows."""
        return float(self.largest[rows].max(initial=0.0))
