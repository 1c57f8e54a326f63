"""Error bounds of activations and their derivatives.

Notation: a = g(z); e is the size of z's deviation; A, F and the ledger as in `oracles.bounds.deviation`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.deviation import (
    Deviation,
    Ledger,
    Numbers,
    Roundoff,
    relative,
    scaled,
    times,
    where,
    working_error,
)
from backproof.oracles.bounds.entries import Entries
from backproof.reference_impl.contract import Array


def activate(ledger: Ledger, z: Deviation, activation: str) -> Deviation:
    """The deviation of a = g(z), for any activation but softmax."""
    if activation == "identity":
        return z
    if activation == "relu":
        return _relu(z)
    return _smooth(ledger, z, activation)


def times_derivative(ledger: Ledger, h: Deviation, z: Deviation, activation: str) -> Deviation:
    """The deviation of delta = h * g'(z), entry by entry, but for its spread; for softmax there is no such thing."""
    if activation == "identity":
        return Deviation(h.value, h.linear, rest=h.rest, rounding=h.rounding)
    if activation == "relu":
        return _times_relu_prime(h, z)
    return _times_smooth_derivative(ledger, h, z, activation)


def undecided(z: Deviation) -> Array:
    """Where rounding decides on which side of 0 z lies, and so what a ReLU does, (A, F); not at an exact 0."""
    return (z.absolute <= 2 * z.size) & (z.size > 0)


def _relu(z: Deviation) -> Deviation:
    """max(0, z): exact where the side of 0 is certain, else off by no more than z is."""
    slope = (z.value > 0).astype(float)
    return Deviation(
        np.maximum(z.value, 0),
        scaled(slope, z.linear),
        rest=np.where(undecided(z), z.size, slope * z.rest),
        rounding=times(slope, z.rounding),
        spread=times(slope, z.spread),
    )


def _times_relu_prime(h: Deviation, z: Deviation) -> Deviation:
    """h or 0, exactly, where the side of 0 is certain; else anything between them."""
    slope = (z.value > 0).astype(float)
    return Deviation(
        slope * h.value,
        scaled(slope, h.linear),
        rest=np.where(undecided(z), h.absolute + 2 * h.size, slope * h.rest),
        rounding=times(slope, h.rounding),
    )


class Curve(NamedTuple):
    """A smooth activation at given z.

    value: a. complement: 1 - a for the sigmoid, 1 - |a| for tanh, without cancellation. slope: g'. bend: g'' / g'.
    steepest: the largest g' anywhere. rate: a number R with |g''| <= R g' and |g'''| <= R^2 g' everywhere, so that g'
    stays within a factor e^(R d) over a distance d.
    """

    value: Numbers
    complement: Numbers
    slope: Numbers
    bend: Numbers
    steepest: float
    rate: float


def variation(curve: Curve, e: Numbers) -> Numbers:
    """How far g' may be from the slope, anywhere within 2e of z."""
    return np.fmin(curve.slope * np.expm1(2 * curve.rate * e), curve.slope + curve.steepest)


def sigmoid_curve(z: Numbers) -> Curve:
    """1 / (1 + e^-z); g'' = g' (1 - 2a), g''' = g' (1 - 6a + 6a^2)."""
    e = np.exp(-np.abs(z))
    near, far = 1 / (1 + e), e / (1 + e)
    positive = z >= 0
    value, complement = where(positive, near, far), where(positive, far, near)
    return Curve(value, complement, near * far, 1 - 2 * value, 0.25, 1.0)


def tanh_curve(z: Numbers) -> Curve:
    """tanh z; g'' = -2 a g', g''' = g' (6 a^2 - 2)."""
    value, e = np.tanh(z), np.exp(-2 * np.abs(z))
    complement = 2 * e / (1 + e)
    return Curve(value, complement, complement * (2 - complement), -2 * value, 1.0, 2.0)


CURVE = {"sigmoid": sigmoid_curve, "tanh": tanh_curve}


def sigmoid_error(r: Roundoff, curve: Curve) -> Numbers:
    """1 / (1 + e^-z) or e^z / (1 + e^z): an addition, a division, and the exponential's error times 1 - a.

    The first is 0 where e^-z overflows, and off by no more than 1 / largest.
    """
    roundings = r.exp * curve.complement + 2
    underflow = np.maximum(r.tiny, 1 / r.largest)
    return where(r.lenient, 8 * r.u, curve.value * relative(r.u, roundings)) + underflow


def sigmoid_prime_error(r: Roundoff, curve: Curve) -> Numbers:
    """a (1 - a): two roundings, and the error of a, which counts |1 - 2a| times: in full where a rounds to 1.

    Or another form, as `from_exponentials` has it.
    """
    error = sigmoid_error(r, curve)
    usual = np.abs(curve.bend) * error + error * error + relative(r.u, 2) * (curve.slope + error)
    return np.maximum(usual, from_exponentials(r, curve)) + r.tiny


def from_exponentials(r: Roundoff, curve: Curve) -> Numbers:
    """A slope e / (1 + e)^2, up to an exact factor, for e = e^-z or e^-2z, or as g(z) g(-z), or 1 / cosh(z)^2.

    Nothing cancels: the exponential counts at most twice, and there are no more than five roundings.
    """
    return relative(r.u, 2 * r.exp + 5) * curve.slope


def tanh_error(r: Roundoff, curve: Curve) -> Numbers:
    """The library's own function, to its constant."""
    return r.u * where(r.lenient, 8, r.tanh * np.abs(curve.value)) + r.tiny


def tanh_prime_error(r: Roundoff, curve: Curve) -> Numbers:
    """1 - a^2: the square rounds by u a^2, the difference by u (1 - a^2), and the error of a counts 2|a| times.

    Or (1 - a)(1 + a), with three roundings, or another form, as `from_exponentials` has it.
    """
    error = tanh_error(r, curve)
    rounding = np.maximum(relative(r.u, 2) * (0.5 + error), relative(r.u, 3) * (curve.slope + error))
    usual = np.abs(curve.bend) * error + error * error + rounding
    return np.maximum(usual, from_exponentials(r, curve)) + r.tiny


ERROR = {"sigmoid": sigmoid_error, "tanh": tanh_error}
PRIME_ERROR = {"sigmoid": sigmoid_prime_error, "tanh": tanh_prime_error}


def _smooth(ledger: Ledger, z: Deviation, activation: str) -> Deviation:
    """First order g' * (z's deviation); the rest by how much g' varies; and the evaluation error of g."""
    curve = CURVE[activation](z.value)
    slope = curve.slope
    return Deviation(
        curve.value,
        scaled(slope, z.linear),
        rest=slope * z.rest + beyond_first_order(ledger.u, curve, z.size),
        rounding=times(slope, z.rounding) + ERROR[activation](ledger.roundoff, curve),
        spread=times(slope, z.spread),
    )


def beyond_first_order(u: Numbers, curve: Curve, e: Numbers) -> Numbers:
    """What g(z) may be off by besides g' times z's deviation e, and the evaluation error of g at z.

    That error, within z's deviation, changes by at most 16u of what a does.
    """
    varied = variation(curve, e)
    return (varied + (working_error(1) + 16 * u) * (curve.slope + varied)) * e


def slope_beyond_first_order(u: Numbers, curve: Curve, e: Numbers) -> Numbers:
    """What g'(z) may be off by besides g'' times z's deviation e, and the evaluation error of g' at z.

    That error, within z's deviation, changes by at most 32u of what a does.
    """
    varied = variation(curve, e)
    return (curve.rate * varied + (working_error(1) + 32 * u) * (curve.slope + varied)) * e


def _times_smooth_derivative(ledger: Ledger, h: Deviation, z: Deviation, activation: str) -> Deviation:
    """First order g' * (h's deviation) + h g'' * (z's deviation); products of deviations count three times.

    Once for themselves, and twice because h, g' and g'' are taken where float64 puts them.
    """
    curve = CURVE[activation](z.value)
    slope, bend = curve.slope, curve.slope * curve.bend
    linear = scaled(slope, h.linear)
    linear[:, : z.linear.shape[1]] += (h.value * bend)[:, None] * z.linear
    evaluation = PRIME_ERROR[activation](ledger.roundoff, curve) + ledger.u * slope
    nonlinear = slope_beyond_first_order(ledger.u, curve, z.size)
    bend = np.abs(bend)
    slope_size = bend * z.size + nonlinear + evaluation
    return Deviation(
        slope * h.value,
        linear,
        rest=slope * (h.rest + working_error(1) * h.size)
        + h.absolute * (bend * z.rest + nonlinear)
        + 3 * h.size * slope_size,
        rounding=times(slope, h.rounding) + h.absolute * (times(bend, z.rounding) + evaluation) + ledger.tiny,
    )


def softmax_deviation(ledger: Ledger, z: Deviation, entries: Entries) -> Deviation:
    """First order a_j (z_j - sum_l a_l z_l); the rest by the second derivative, or by 0 <= a <= 1 where z is uncertain.

    Along a change of at most m in every z the second derivative is at most 4 m^2 a_j, and on the way a_j grows by at
    most a factor e^(2m). The evaluation error changes by no larger a factor, and by 4 m u a_j. z has no fresh rounding
    errors; the spread is left to be worked out.
    """
    a, k = softmax(z.value, entries), entries.row_sizes

    def over_row(size: Array) -> Array:
        return a * (size + entries.row_sums(a * size))

    linear = a[:, None] * (z.linear - entries.sums_of_rows(a[:, None] * z.linear)[entries.rows])
    error = softmax_error(ledger, z.value, a, entries)
    m = entries.over_rows(np.maximum, z.size)
    curvature = a * m * np.expm1(8 * m) + error * np.expm1(4 * m) + 4 * ledger.u * m * a
    return Deviation(
        a,
        linear,
        rest=over_row(z.rest + working_error(entries.shape[2]) * z.size)
        + np.where(m < 0.25, curvature, 1 + relative(ledger.u, k + 2) + over_row(z.size)),
        rounding=error,
    )


def softmax(z: Array, entries: Entries) -> Array:
    """e^z / sum e^z over the rows, in float64."""
    e = np.exp(z - entries.over_rows(np.maximum, z))
    return e / entries.row_sums(e)


def softmax_error(ledger: Ledger, z: Array, a: Array, entries: Entries) -> Array:
    """Exponentials of z - max z, whose rounding counts |z - max z| times; then k - 1 additions and a division.

    (Blanchard, D. Higham and N. Higham, "Accurately computing the log-sum-exp and softmax functions", IMA J. Numer.
    Anal. 41, 2021.)
    """
    k = entries.row_sizes
    r = ledger.roundoff
    exponential = entries.over_rows(np.maximum, z) - z + r.exp
    weighted = entries.row_sums(a * exponential)
    return np.where(r.lenient, 8 * k * r.u, a * relative(r.u, exponential + weighted + k)) + (k + 1) * r.tiny
