"""Error bounds of the loss and of delta_L = dL/dz at the last layer.

Notation: p is the prediction, y the label, c the loss's scale, e the size of p's deviation; A, S, F and the ledger as
in `oracles.bounds.deviation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.activations import times_derivative
from backproof.oracles.bounds.deviation import (
    Deviation,
    Ledger,
    Numbers,
    Roundoff,
    if_exact,
    is_power_of_two,
    largest_common_power,
    relative,
    scaled,
    times,
    where,
    working_error,
)
from backproof.oracles.bounds.entries import Entries
from backproof.reference_impl.contract import Array, LossKind


@dataclass(frozen=True)
class Output:
    """The last layer of S networks that share its activation and the kind of their loss.

    z, p: pre-activations and predictions, without fresh rounding errors. y (F,). scale (S,): the losses' c. quantum
    (A, S): that of the predictions, or None.
    """

    entries: Entries
    z: Deviation
    p: Deviation
    y: Array
    scale: Array
    quantum: Array | None
    activation: str
    kind: LossKind

    @property
    def c(self) -> Array:
        """The scale of each entry's loss, (F,)."""
        return self.scale[self.entries.networks]


class Terms(NamedTuple):
    """A function f of p, entry by entry.

    slope (F,): df/dp. curvature (A, F): what the first order leaves out. largest (A, F): of |f|. rounding (A, F): of
    evaluating f at a given p.
    """

    slope: Numbers
    curvature: Numbers
    largest: Numbers
    rounding: Numbers


def loss_error(ledger: Ledger, output: Output) -> Array:
    """The bound of L = c * (sum of the terms): their slopes, their curvature, their rounding, the sum's; (A, S)."""
    p, entries = output.p, output.entries
    terms = TERMS[output.kind](ledger.roundoff, p.value, p.size, output.y)
    quantum = None
    if output.quantum is not None and output.kind == "squared_error":
        quantum = np.where(is_power_of_two(output.scale), common_quantum(output) ** 2, 0.0)
    sum_error = ledger.positive_sum_error(terms.largest, entries, quantum)
    first_order = np.abs(terms.slope) * (p.rest + p.rounding + working_error(1) * p.size) + terms.curvature
    rounding = np.where(sum_error == 0, 0.0, entries.over_networks(np.add, terms.rounding))
    total = ledger.total(terms.slope, p, entries) + entries.over_networks(np.add, first_order) + rounding + sum_error
    return output.scale * total


def common_quantum(output: Output) -> Array:
    """A power of two that divides all predictions and labels of a network, or 0 where those are not exact; (A, S)."""
    assert output.quantum is not None
    return np.minimum(output.quantum, largest_common_power(output.entries.padded(output.y)))


def squared_error(r: Roundoff, p: Numbers, e: Numbers, y: Numbers) -> Terms:
    """(p - y)^2; the rounding of the difference counts twice."""
    largest = (np.abs(p - y) + e) ** 2
    return Terms(2 * (p - y), 3 * e**2, largest, relative(r.u, 2) * largest)


def cross_entropy(r: Roundoff, p: Numbers, e: Numbers, y: Numbers) -> Terms:
    """-y log p, and 0 where y = 0."""
    return weighted(y, minus_log(r, p, e))


def binary_cross_entropy(r: Roundoff, p: Numbers, e: Numbers, y: Numbers) -> Terms:
    """-(y log p + (1 - y) log(1 - p)); 1 - p rounds by u of itself, which moves its logarithm by u."""
    yes = weighted(y, minus_log(r, p, e))
    no = minus_log(r, 1 - p, e)
    no = weighted(1 - y, Terms(-no.slope, no.curvature, no.largest, no.rounding + r.u))
    return Terms(
        yes.slope + no.slope, yes.curvature + no.curvature, yes.largest + no.largest, yes.rounding + no.rounding
    )


def minus_log(r: Roundoff, p: Numbers, e: Numbers) -> Terms:
    """-log p of a p > 0 known to within e; infinite where p may be 0."""
    ratio = where(e < p, e / p, 1)
    step = -np.log1p(-ratio)
    largest = np.abs(np.log(p)) + step
    rounding = r.u * where(r.lenient, 8 + 8 * largest, r.log * largest)
    return Terms(-1 / p, 4 * (step - ratio), largest, rounding)


def weighted(y: Numbers, terms: Terms) -> Terms:
    """y times the terms, and 0 where y = 0 whatever they are."""
    there = y != 0
    return Terms(
        where(there, y * terms.slope, 0.0),
        where(there, y * terms.curvature, 0.0),
        where(there, y * terms.largest, 0.0),
        where(there, y * terms.rounding, 0.0),
    )


TERMS: dict[LossKind, Callable[[Roundoff, Numbers, Numbers, Numbers], Terms]] = {
    "squared_error": squared_error,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}


def output_delta(ledger: Ledger, output: Output) -> Deviation:
    """delta_L = dL/dz, but for its spread.

    A sigmoid under the binary cross-entropy has c (p - y), whichever way it is evaluated: p(1 - p) cancels, as
    computed.
    """
    if output.activation == "softmax":
        return _softmax_delta(ledger, output)
    if output.kind == "binary_cross_entropy":
        return _sigmoid_delta(ledger, output)
    difference = _scaled_difference(ledger, output, factor=2)
    delta = times_derivative(ledger, difference, output.z, output.activation)
    if output.activation in ("identity", "relu"):
        return replace(delta, quantum=difference.quantum)
    return delta


def _sigmoid_delta(ledger: Ledger, output: Output) -> Deviation:
    """c (p - y) under the binary cross-entropy, which from logits is c ((1 - y) p - y (1 - p)).

    The latter rounds its two terms, and evaluates a second sigmoid; for labels of 0 and 1 there is only one term.
    """
    p, y = output.p, output.y
    delta = _scaled_difference(ledger, output, factor=1)
    no, yes = (1 - y) * p.value, y * (1 - p.value)
    two_terms = output.c * (no * relative(ledger.u, 2) + yes * relative(ledger.u, 3 + ledger.roundoff.exp * p.value))
    return Deviation(delta.value, delta.linear, rest=delta.rest, rounding=delta.rounding + two_terms)


def _scaled_difference(ledger: Ledger, output: Output, factor: int) -> Deviation:
    """factor c (p - y), with a rounding for the difference and three for the scale."""
    p, y, c, entries = output.p, output.y, factor * output.c, output.entries
    largest = p.absolute + p.size + np.abs(y)
    rounding = relative(ledger.u, 4) * c * (np.abs(p.value - y) + p.size) + np.where(largest > 0, 4 * ledger.tiny, 0.0)
    quantum = None
    if output.quantum is not None:
        common = np.where(is_power_of_two(output.scale), common_quantum(output), 0.0)
        powers = common[:, entries.networks]
        exact = ledger.exactly(largest, powers) & ledger.exactly(c * largest, c * powers)
        rounding = np.where(exact, 0.0, rounding)
        wrong = entries.over_networks(np.logical_or, p.size > 0)
        quantum = if_exact(factor * output.scale * common, wrong, rounding, entries)
    return Deviation(
        c * (p.value - y),
        scaled(c, p.linear),
        rest=c * (p.rest + working_error(1) * p.size),
        rounding=rounding,
        spread=times(c, p.spread),
        quantum=quantum,
    )


def _softmax_delta(ledger: Ledger, output: Output) -> Deviation:
    """delta = q - p sum q with q = p * dL/dp, for any loss: first order (q' - sum q) dp - p sum(q' dp).

    Products of deviations count three times: once for themselves, and twice because p and q are taken where float64
    puts them. Under the cross-entropy q = -c y, and an evaluation as c (p - y) takes for granted that labels sum to
    1.
    """
    p, y, c, entries = output.p, output.y, output.c, output.entries
    over_row, k = entries.row_sums, entries.row_sizes
    value, terms = WEIGHTED_SLOPE[output.kind](ledger.roundoff, p.value, p.size, y)
    q, slope, curvature, rounding = c * value, c * terms.slope, c * terms.curvature, c * terms.rounding + ledger.tiny
    q_size = np.abs(slope) * p.size + curvature + rounding
    q_sum = over_row(q)
    rest = p.rest + working_error(2 * entries.shape[2]) * p.size
    paired = entries.sums_of_rows(slope[:, None] * p.linear)[entries.rows]
    linear = (slope - q_sum)[:, None] * p.linear - p.value[:, None] * paired
    evaluation = ledger.u * (np.abs(q) + q_size + (p.value + p.size) * over_row(np.abs(q) + q_size)) + ledger.tiny
    labels_off = c * p.value * np.abs(1 - over_row(y)) if output.kind == "cross_entropy" else 0.0
    return Deviation(
        q - p.value * q_sum,
        linear,
        rest=np.abs(slope - q_sum) * rest
        + p.value * over_row(np.abs(slope) * rest)
        + curvature
        + p.value * over_row(curvature)
        + 3 * p.size * over_row(q_size)
        + labels_off,
        rounding=rounding + p.value * over_row(rounding) + (k + 3) * evaluation,
    )


def weighted_squared_error_slope(r: Roundoff, p: Numbers, e: Numbers, y: Numbers) -> tuple[Numbers, Terms]:
    """q/c = 2 p (p - y)."""
    largest = 2 * (np.abs(p) + e) * (np.abs(p - y) + e)
    return 2 * p * (p - y), Terms(4 * p - 2 * y, 6 * e**2, largest, relative(r.u, 6) * largest)


def weighted_cross_entropy_slope(r: Roundoff, _p: Numbers, _e: Numbers, y: Numbers) -> tuple[Numbers, Terms]:
    """q/c = -y."""
    zero = 0 * y
    return -y, Terms(zero, zero, y, relative(r.u, 5) * y)


def weighted_binary_cross_entropy_slope(r: Roundoff, p: Numbers, e: Numbers, y: Numbers) -> tuple[Numbers, Terms]:
    """q/c = (p - y) / (1 - p); nothing can be said where p may be 1, or 0: p (-y / p) is NaN then, whatever y is."""
    complement = 1 - p
    q, slope = (p - y) / complement, (1 - y) / complement**2
    certain = (e < complement) & (e < p)
    curvature = where(certain, 4 * slope * e**2 / (complement - e), np.inf)
    largest = np.abs(q) + slope * e + curvature
    return q, Terms(slope, curvature, largest, relative(r.u, 8) * largest)


WEIGHTED_SLOPE: dict[LossKind, Callable[[Roundoff, Numbers, Numbers, Numbers], tuple[Numbers, Terms]]] = {
    "squared_error": weighted_squared_error_slope,
    "cross_entropy": weighted_cross_entropy_slope,
    "binary_cross_entropy": weighted_binary_cross_entropy_slope,
}
