"""Distributions of millions of numbers, counted on a logarithmic scale as they come."""

from __future__ import annotations

import numpy as np

from reference_impl.contract import Array

# Eight bins to every factor of two, between 2^-40 and 2^56: a quantile is known to 9 %.
LOWEST, HIGHEST, PER_OCTAVE = -40, 56, 8
BINS = (HIGHEST - LOWEST) * PER_OCTAVE + 2  # one for what is smaller, and one for what is larger


class Tally:
    """One distribution of non-negative numbers for each of so many rows."""

    def __init__(self, rows: int) -> None:
        self.counts = np.zeros((rows, BINS), np.int64)
        self.largest = np.zeros(rows)

    def add(self, rows: Array, values: Array) -> None:
        """Count each value in its row; NaN counts as infinite."""
        values = np.where(np.isnan(values), np.inf, values)
        with np.errstate(divide="ignore"):
            octave = np.log2(values)
        bins = np.clip(np.ceil((octave - LOWEST) * PER_OCTAVE), 0, BINS - 1).astype(np.int64)
        self.counts += np.bincount(rows * BINS + bins, minlength=self.counts.size).reshape(self.counts.shape)
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
        return most if number == BINS - 1 else min(2.0 ** (LOWEST + number / PER_OCTAVE), most)

    def most(self, rows: Array | slice) -> float:
        """The largest value of the rows."""
        return float(self.largest[rows].max(initial=0.0))
