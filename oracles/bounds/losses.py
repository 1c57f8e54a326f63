"""Error bounds of the losses' terms and of their slopes, for single numbers.

Notation: p is the prediction, y the label, e the size of p's deviation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.roundoff import Roundoff, granted, relative, where
from backproof.oracles.compiling import inner


class Terms(NamedTuple):
    """A function f of p, entry by entry.

    slope (F,): df/dp. curvature (A, F): what the first order leaves out. largest (A, F): of |f|. rounding (A, F): of
    evaluating f at a given p.
    """

    slope: float
    curvature: float
    largest: float
    rounding: float


@inner
def squared_error(r: Roundoff, p: float, e: float, y: float) -> Terms:
    """(p - y)^2; the rounding of the difference counts twice."""
    largest = (abs(p - y) + e) ** 2
    return Terms(2 * (p - y), 3 * e**2, largest, relative(r.u, 2) * largest)


@inner
def cross_entropy(r: Roundoff, p: float, e: float, y: float) -> Terms:
    """-y log p, and 0 where y = 0."""
    return weighted(y, minus_log(r, p, e))


@inner
def binary_cross_entropy(r: Roundoff, p: float, e: float, y: float) -> Terms:
    """-(y log p + (1 - y) log(1 - p)); 1 - p rounds by u of itself, which moves its logarithm by u."""
    yes = weighted(y, minus_log(r, p, e))
    no = minus_log(r, 1 - p, e)
    no = weighted(1 - y, Terms(-no.slope, no.curvature, no.largest, no.rounding + r.u))
    return Terms(
        yes.slope + no.slope, yes.curvature + no.curvature, yes.largest + no.largest, yes.rounding + no.rounding
    )


@inner
def minus_log(r: Roundoff, p: float, e: float) -> Terms:
    """-log p of a p > 0 known to within e; infinite where p may be 0."""
    ratio = where(e < p, e / p, 1.0)
    step = -np.log1p(-ratio)
    largest = abs(np.log(p)) + step
    rounding = granted(r, r.u * r.log * largest, 8 + 8 * largest)
    return Terms(-1 / p, 4 * (step - ratio), largest, rounding)


@inner
def weighted(y: float, terms: Terms) -> Terms:
    """y times the terms, and 0 where y = 0 whatever they are."""
    there = y != 0
    return Terms(
        where(there, y * terms.slope, 0.0),
        where(there, y * terms.curvature, 0.0),
        where(there, y * terms.largest, 0.0),
        where(there, y * terms.rounding, 0.0),
    )


@inner
def weighted_squared_error_slope(r: Roundoff, p: float, e: float, y: float) -> tuple[float, Terms]:
    """q/c = 2 p (p - y)."""
    largest = 2 * (abs(p) + e) * (abs(p - y) + e)
    return 2 * p * (p - y), Terms(4 * p - 2 * y, 6 * e**2, largest, relative(r.u, 6) * largest)


@inner
def weighted_cross_entropy_slope(r: Roundoff, _p: float, _e: float, y: float) -> tuple[float, Terms]:
    """q/c = -y."""
    zero = 0 * y
    return -y, Terms(zero, zero, y, relative(r.u, 5) * y)


@inner
def weighted_binary_cross_entropy_slope(r: Roundoff, p: float, e: float, y: float) -> tuple[float, Terms]:
    """q/c = (p - y) / (1 - p); nothing can be said where p may be 1, or 0: p (-y / p) is NaN then, whatever y is."""
    complement = 1 - p
    q, slope = (p - y) / complement, (1 - y) / complement**2
    certain = (e < complement) & (e < p)
    curvature = where(certain, 4 * slope * e**2 / (complement - e), np.inf)
    largest = abs(q) + slope * e + curvature
    return q, Terms(slope, curvature, largest, relative(r.u, 8) * largest)
