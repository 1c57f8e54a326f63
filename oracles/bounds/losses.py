"""Error bounds of the loss and of delta_L = dL/dz at the last layer.

Notation: p is the prediction, y the label, c the loss's scale, e the size of p's deviation; A, S, n, k and the ledger
as in `oracles.bounds.deviation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from oracles.bounds.activations import times_derivative
from oracles.bounds.deviation import Deviation, Ledger, common_quantum, if_exact, is_power_of_two, scaled, working_error
from reference_impl.contract import Array, LossKind


@dataclass(frozen=True)
class Output:
    """The last layer of S networks that share its activation and the kind of their loss.

    z, p: pre-activations and predictions. y (S, n, k). c (S, 1, 1): the losses' scales. counted (S, n, k): which
    entries there are, in samples and outputs. tiny (A, S, n, k): what underflow may do, 0 where nothing is counted.
    """

    z: Deviation
    p: Deviation
    y: Array
    c: Array
    counted: Array
    tiny: Array
    activation: str
    kind: LossKind


class Terms(NamedTuple):
    """A function f of p, entry by entry.

    slope (S, n, k): df/dp. curvature (A, S, n, k): what the first order leaves out. largest (A, S, n, k): of |f|.
    rounding (A, S, n, k): of evaluating f at a given p.
    """

    slope: Array
    curvature: Array
    largest: Array
    rounding: Array


def loss_error(ledger: Ledger, output: Output) -> Array:
    """The bound of L = c * (sum of the terms): their slopes, their curvature, their rounding, the sum's; (A, S)."""
    p, c = output.p, output.c[:, 0, 0]
    terms = Terms(*(np.where(output.counted, term, 0.0) for term in TERMS[output.kind](ledger, p, output.y)))
    quantum = common_quantum(p, output.y) if output.kind == "squared_error" else None
    if quantum is not None:
        quantum = np.where(is_power_of_two(output.c), quantum**2, 0.0)
    added = (terms.largest > 0).any(axis=0).sum(axis=(1, 2), keepdims=True) + 4  # and four roundings for the scale
    sum_error = ledger.sum_error(terms.largest.sum(axis=(2, 3), keepdims=True), added, quantum)
    entries = np.abs(terms.slope) * (p.rest + p.rounding + working_error(1) * p.size) + terms.curvature
    entries = entries + np.where(sum_error == 0, 0.0, terms.rounding)
    return c * (ledger.total(terms.slope, p) + entries.sum(axis=(2, 3)) + sum_error[:, :, 0, 0])


def _squared_error(ledger: Ledger, p: Deviation, y: Array) -> Terms:
    """(p - y)^2; the rounding of the difference counts twice."""
    largest = (np.abs(p.value - y) + p.size) ** 2
    return Terms(2 * (p.value - y), 3 * p.size**2, largest, ledger.relative(2) * largest)


def _cross_entropy(ledger: Ledger, p: Deviation, y: Array) -> Terms:
    """-y log p, and 0 where y = 0."""
    return _weighted(y, _minus_log(ledger, p.value, p.size))


def _binary_cross_entropy(ledger: Ledger, p: Deviation, y: Array) -> Terms:
    """-(y log p + (1 - y) log(1 - p)); 1 - p rounds by u of itself, which moves its logarithm by u."""
    yes = _weighted(y, _minus_log(ledger, p.value, p.size))
    no = _minus_log(ledger, 1 - p.value, p.size)
    no = _weighted(1 - y, no._replace(slope=-no.slope, rounding=no.rounding + ledger.u))
    return Terms(*(a + b for a, b in zip(yes, no, strict=True)))


def _minus_log(ledger: Ledger, p: Array, e: Array) -> Terms:
    """-log p of a p > 0 known to within e; infinite where p may be 0."""
    ratio = np.where(e < p, e / p, 1)
    step = -np.log1p(-ratio)
    largest = np.abs(np.log(p)) + step
    rounding = ledger.u * np.where(ledger.lenient, 8 + 8 * largest, ledger.log * largest)
    return Terms(-1 / p, 4 * (step - ratio), largest, rounding)


def _weighted(y: Array, terms: Terms) -> Terms:
    """y times the terms, and 0 where y = 0 whatever they are."""
    return Terms(*(np.where(y != 0, y * term, 0.0) for term in terms))


TERMS: dict[LossKind, Callable[[Ledger, Deviation, Array], Terms]] = {
    "squared_error": _squared_error,
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
}


def output_delta(ledger: Ledger, output: Output) -> Deviation:
    """delta_L = dL/dz, and 0 where nothing is counted.

    A sigmoid under the binary cross-entropy has c (p - y), whichever way it is evaluated: p(1 - p) cancels, as
    computed.
    """
    if output.activation == "softmax":
        delta = _softmax_delta(ledger, output)
    elif output.kind == "binary_cross_entropy":
        delta = _sigmoid_delta(ledger, output)
    else:
        difference = _scaled_difference(ledger, output, 2 * output.c)
        delta = times_derivative(ledger, difference, output.z, output.activation, output.tiny)
    counted = output.counted
    return ledger.deviation(
        np.where(counted, delta.value, 0.0),
        delta.linear if delta.linear is None else np.where(counted[..., None], delta.linear, 0.0),
        rest=np.where(counted, delta.rest, 0.0),
        rounding=np.where(counted, delta.rounding, 0.0),
        quantum=delta.quantum,
    )


def _sigmoid_delta(ledger: Ledger, output: Output) -> Deviation:
    """c (p - y) under the binary cross-entropy, which from logits is c ((1 - y) p - y (1 - p)).

    The latter rounds its two terms, and evaluates a second sigmoid; for labels of 0 and 1 there is only one term.
    """
    p, y, c = output.p, output.y, output.c
    delta = _scaled_difference(ledger, output, c)
    no, yes = (1 - y) * p.value, y * (1 - p.value)
    two_terms = c * (no * ledger.relative(2) + yes * ledger.relative(3 + ledger.exp * p.value))
    if delta.linear is None:
        return replace(delta, rest=delta.rest + two_terms)
    return replace(delta, rounding=delta.rounding + two_terms)


def _scaled_difference(ledger: Ledger, output: Output, c: Array) -> Deviation:
    """c (p - y), with a rounding for the difference and three for the scale; c (S, 1, 1)."""
    p, y = output.p, output.y
    rounding = ledger.relative(4) * c * (np.abs(p.value - y) + p.size) + 4 * ledger.tiny
    quantum = common_quantum(p, y)
    if quantum is not None:
        quantum = np.where(is_power_of_two(c), quantum, 0.0)
        rounding = np.where(p.magnitude + np.abs(y) <= quantum / ledger.u, 0.0, rounding)
        quantum = c * quantum
    return ledger.deviation(
        c * (p.value - y),
        scaled(c, p.linear),
        rest=c * (p.rest + working_error(1) * p.size),
        rounding=rounding,
        quantum=if_exact(quantum, p, rounding),
    )


def _softmax_delta(ledger: Ledger, output: Output) -> Deviation:
    """delta = q - p sum q with q = p * dL/dp, for any loss: first order (q' - sum q) dp - p sum(q' dp).

    Products of deviations count three times: once for themselves, and twice because p and q are taken where float64
    puts them. Under the cross-entropy q = -c y, and an evaluation as c (p - y) takes for granted that labels sum to
    1.
    """
    p, y, c, counted = output.p, output.y, output.c, output.counted
    value, terms = WEIGHTED_SLOPE[output.kind](ledger, p, y)
    value, terms = np.where(counted, value, 0.0), Terms(*(np.where(counted, term, 0.0) for term in terms))
    k = counted.sum(axis=-1, keepdims=True)
    q, slope, curvature, rounding = c * value, c * terms.slope, c * terms.curvature, c * terms.rounding + ledger.tiny
    q_size = np.abs(slope) * p.size + curvature + rounding
    q_sum = _sum_row(q)
    rest = p.rest + working_error(2 * y.shape[-1]) * p.size
    linear = None
    if p.linear is not None:
        paired = np.matmul(slope[:, :, None, :], p.linear)
        linear = (slope - q_sum)[..., None] * p.linear - p.value[..., None] * paired
    evaluation = ledger.u * (np.abs(q) + q_size + (p.value + p.size) * _sum_row(np.abs(q) + q_size)) + ledger.tiny
    labels_off = c * p.value * np.abs(1 - _sum_row(y)) if output.kind == "cross_entropy" else 0.0
    return ledger.deviation(
        q - p.value * q_sum,
        linear,
        rest=np.abs(slope - q_sum) * rest
        + p.value * _sum_row(np.abs(slope) * rest)
        + curvature
        + p.value * _sum_row(curvature)
        + 3 * p.size * _sum_row(q_size)
        + labels_off,
        rounding=rounding + p.value * _sum_row(np.where(counted, rounding, 0.0)) + (k + 3) * evaluation,
        quantum=None if p.quantum is None else np.zeros_like(p.quantum),
    )


def _sum_row(array: Array) -> Array:
    return array.sum(axis=-1, keepdims=True)


def _weighted_squared_error_slope(ledger: Ledger, p: Deviation, y: Array) -> tuple[Array, Terms]:
    """q/c = 2 p (p - y)."""
    largest = 2 * p.magnitude * (np.abs(p.value - y) + p.size)
    return 2 * p.value * (p.value - y), Terms(4 * p.value - 2 * y, 6 * p.size**2, largest, ledger.relative(6) * largest)


def _weighted_cross_entropy_slope(ledger: Ledger, p: Deviation, y: Array) -> tuple[Array, Terms]:
    """q/c = -y."""
    zero = np.zeros_like(p.size)
    return -y, Terms(np.zeros_like(y), zero, zero + y, ledger.relative(5) * y)


def _weighted_binary_cross_entropy_slope(ledger: Ledger, p: Deviation, y: Array) -> tuple[Array, Terms]:
    """q/c = (p - y) / (1 - p); nothing can be said where p may be 1."""
    complement = 1 - p.value
    q, slope = (p.value - y) / complement, (1 - y) / complement**2
    curvature = np.where(p.size < complement, 4 * slope * p.size**2 / (complement - p.size), np.inf)
    largest = np.abs(q) + slope * p.size + curvature
    return q, Terms(slope, curvature, largest, ledger.relative(8) * largest)


WEIGHTED_SLOPE: dict[LossKind, Callable[[Ledger, Deviation, Array], tuple[Array, Terms]]] = {
    "squared_error": _weighted_squared_error_slope,
    "cross_entropy": _weighted_cross_entropy_slope,
    "binary_cross_entropy": _weighted_binary_cross_entropy_slope,
}
