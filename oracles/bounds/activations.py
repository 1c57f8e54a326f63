"""Error bounds of activations and their derivatives.

Notation: a = g(z); e is the size of z's deviation; A, F and the ledger as in `oracles.bounds.deviation`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oracles.bounds.deviation import Deviation, Ledger, scaled, times, working_error
from oracles.bounds.entries import Entries
from reference_impl.contract import Array


def activate(ledger: Ledger, z: Deviation, activation: str) -> Deviation:
    """The deviation of a = g(z), for any activation but softmax."""
    if activation == "identity":
        return z
    if activation == "relu":
        return _relu(ledger, z)
    return _smooth(ledger, z, activation)


def times_derivative(ledger: Ledger, h: Deviation, z: Deviation, activation: str) -> Deviation:
    """The deviation of delta = h * g'(z), entry by entry, but for its spread; for softmax there is no such thing."""
    if activation == "identity":
        return ledger.deviation(h.value, h.linear, rest=h.rest, rounding=h.rounding)
    if activation == "relu":
        return _times_relu_prime(ledger, h, z)
    return _times_smooth_derivative(ledger, h, z, activation)


def undecided(z: Deviation) -> Array:
    """Where rounding decides on which side of 0 z lies, and so what a ReLU does, (A, F); not at an exact 0."""
    return (z.absolute <= 2 * z.size) & (z.size > 0)


def _relu(ledger: Ledger, z: Deviation) -> Deviation:
    """max(0, z): exact where the side of 0 is certain, else off by no more than z is."""
    slope = (z.value > 0).astype(float)
    return ledger.deviation(
        np.maximum(z.value, 0),
        scaled(slope, z.linear),
        rest=np.where(undecided(z), z.size, slope * z.rest),
        rounding=times(slope, z.rounding),
        spread=times(slope, z.spread),
    )


def _times_relu_prime(ledger: Ledger, h: Deviation, z: Deviation) -> Deviation:
    """h or 0, exactly, where the side of 0 is certain; else anything between them."""
    slope = (z.value > 0).astype(float)
    return ledger.deviation(
        slope * h.value,
        scaled(slope, h.linear),
        rest=np.where(undecided(z), h.absolute + 2 * h.size, slope * h.rest),
        rounding=times(slope, h.rounding),
    )


@dataclass(frozen=True)
class Curve:
    """A smooth activation at given z.

    value: a. complement: 1 - a for the sigmoid, 1 - |a| for tanh, without cancellation. slope: g'. bend: g'' / g'.
    steepest: the largest g' anywhere. rate: a number R with |g''| <= R g' and |g'''| <= R^2 g' everywhere, so that g'
    stays within a factor e^(R d) over a distance d.
    """

    value: Array
    complement: Array
    slope: Array
    bend: Array
    steepest: float
    rate: float

    def variation(self, e: Array) -> Array:
        """How far g' may be from the slope, anywhere within 2e of z; by e^x - 1 <= x + x^2 where all x <= 1."""
        x = 2 * self.rate * e
        growth = x + x * x if x.max(initial=0.0) <= 1 else np.expm1(x)
        return np.fmin(self.slope * growth, self.slope + self.steepest)


def sigmoid_curve(z: Array) -> Curve:
    """1 / (1 + e^-z); g'' = g' (1 - 2a), g''' = g' (1 - 6a + 6a^2)."""
    e = np.exp(-np.abs(z))
    near, far = 1 / (1 + e), e / (1 + e)
    positive = z >= 0
    value, complement = np.where(positive, near, far), np.where(positive, far, near)
    return Curve(value, complement, near * far, 1 - 2 * value, steepest=0.25, rate=1)


def tanh_curve(z: Array) -> Curve:
    """tanh z; g'' = -2 a g', g''' = g' (6 a^2 - 2)."""
    value, e = np.tanh(z), np.exp(-2 * np.abs(z))
    complement = 2 * e / (1 + e)
    return Curve(value, complement, complement * (2 - complement), -2 * value, steepest=1, rate=2)


CURVE = {"sigmoid": sigmoid_curve, "tanh": tanh_curve}


def sigmoid_error(ledger: Ledger, curve: Curve) -> Array:
    """1 / (1 + e^-z) or e^z / (1 + e^z): an addition, a division, and the exponential's error times 1 - a."""
    roundings = ledger.exp * curve.complement + 2
    return np.where(ledger.lenient, 8 * ledger.u, curve.value * ledger.relative(roundings)) + ledger.tiny


def sigmoid_prime_error(ledger: Ledger, curve: Curve) -> Array:
    """a (1 - a): two roundings, and the error of a, which counts |1 - 2a| times: in full where a rounds to 1.

    Or another form, as `_from_exponentials` has it.
    """
    error = sigmoid_error(ledger, curve)
    usual = np.abs(curve.bend) * error + error * error + ledger.relative(2) * (curve.slope + error)
    return np.maximum(usual, _from_exponentials(ledger, curve)) + ledger.tiny


def _from_exponentials(ledger: Ledger, curve: Curve) -> Array:
    """A slope e / (1 + e)^2, up to an exact factor, for e = e^-z or e^-2z, or as g(z) g(-z), or 1 / cosh(z)^2.

    Nothing cancels: the exponential counts at most twice, and there are no more than five roundings.
    """
    return ledger.relative(2 * ledger.exp + 5) * curve.slope


def tanh_error(ledger: Ledger, curve: Curve) -> Array:
    """The library's own function, to its constant."""
    return ledger.u * np.where(ledger.lenient, 8, ledger.tanh * np.abs(curve.value)) + ledger.tiny


def tanh_prime_error(ledger: Ledger, curve: Curve) -> Array:
    """1 - a^2: the square rounds by u a^2, the difference by u (1 - a^2), and the error of a counts 2|a| times.

    Or (1 - a)(1 + a), with three roundings, or another form, as `_from_exponentials` has it.
    """
    error = tanh_error(ledger, curve)
    rounding = np.maximum(ledger.relative(2) * (0.5 + error), ledger.relative(3) * (curve.slope + error))
    usual = np.abs(curve.bend) * error + error * error + rounding
    return np.maximum(usual, _from_exponentials(ledger, curve)) + ledger.tiny


ERROR = {"sigmoid": sigmoid_error, "tanh": tanh_error}
PRIME_ERROR = {"sigmoid": sigmoid_prime_error, "tanh": tanh_prime_error}


def _smooth(ledger: Ledger, z: Deviation, activation: str) -> Deviation:
    """First order g' * (z's deviation); the rest by how much g' varies; and the evaluation error of g.

    The evaluation error is taken at z; within z's deviation it changes by at most 16u of what a does.
    """
    curve = CURVE[activation](z.value)
    slope, variation = curve.slope, curve.variation(z.size)
    return ledger.deviation(
        curve.value,
        scaled(slope, z.linear),
        rest=slope * z.rest + (variation + (working_error(1) + 16 * ledger.u) * (slope + variation)) * z.size,
        rounding=times(slope, z.rounding) + ERROR[activation](ledger, curve),
        spread=times(slope, z.spread),
    )


def _times_smooth_derivative(ledger: Ledger, h: Deviation, z: Deviation, activation: str) -> Deviation:
    """First order g' * (h's deviation) + h g'' * (z's deviation); products of deviations count three times.

    Once for themselves, and twice because h, g' and g'' are taken where float64 puts them. The evaluation error of g',
    taken at z, changes by at most 32u of what a does.
    """
    curve = CURVE[activation](z.value)
    slope, variation, bend = curve.slope, curve.variation(z.size), curve.slope * curve.bend
    linear = scaled(slope, h.linear)
    if linear is not None and z.linear is not None:
        linear[:, : z.linear.shape[1]] += (h.value * bend)[:, None] * z.linear
    evaluation = PRIME_ERROR[activation](ledger, curve) + ledger.u * slope
    nonlinear = (curve.rate * variation + (working_error(1) + 32 * ledger.u) * (slope + variation)) * z.size
    bend = np.abs(bend)
    slope_size = bend * z.size + nonlinear + evaluation
    return ledger.deviation(
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

    linear = None
    if z.linear is not None:
        linear = a[:, None] * (z.linear - entries.sums_of_rows(a[:, None] * z.linear)[entries.rows])
    error = softmax_error(ledger, z.value, a, entries)
    m = entries.over_rows(np.maximum, z.size)
    curvature = a * m * np.expm1(8 * m) + error * np.expm1(4 * m) + 4 * ledger.u * m * a
    return ledger.deviation(
        a,
        linear,
        rest=over_row(z.rest + working_error(entries.shape[2]) * z.size)
        + np.where(m < 0.25, curvature, 1 + ledger.relative(k + 2) + over_row(z.size)),
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
    exponential = entries.over_rows(np.maximum, z) - z + ledger.exp
    relative = ledger.relative(exponential + entries.row_sums(a * exponential) + k)
    return np.where(ledger.lenient, 8 * k * ledger.u, a * relative) + (k + 1) * ledger.tiny
