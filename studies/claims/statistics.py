"""Intervals over seeds: how far a median or a proportion could be off by the luck of the draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.studies.claims.claim import Measurement
from backproof.verification.document import finite

RESAMPLES = 2000

METHOD = (
    f"Medians have 95 % intervals by the bootstrap ({RESAMPLES} resamples of the seeds, percentiles), proportions by "
    "Wilson's score."
)


def median(what: str, group: str, at: float, values: Sequence[float]) -> Measurement:
    """The median over seeds with a 95 % interval by the percentile bootstrap, in which infinite values are allowed.

    (Efron and Tibshirani, "An introduction to the bootstrap", ch. 13.)
    """
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values)))
    ends = np.quantile(np.median(drawn, axis=1), [0.025, 0.975], method="nearest")
    middle, low, high = map(finite, (np.median(values), *ends))
    return Measurement(what, group, float(at), middle, low, high, len(values))


def wilson(successes: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a proportion by Wilson's score (J. Am. Stat. Assoc. 22, 1927)."""
    z, p = 1.959964, successes / tried
    middle = (p + z * z / (2 * tried)) / (1 + z * z / tried)
    half = z / (1 + z * z / tried) * (p * (1 - p) / tried + z * z / (4 * tried * tried)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
