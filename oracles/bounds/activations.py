"""Error bounds of smooth activations and their derivatives, for single numbers.

Notation: a = g(z); e is the size of z's deviation.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.roundoff import Roundoff, granted, relative, where, working_error
from backproof.oracles.compiling import inner


class Curve(NamedTuple):
    """A smooth activation at given z.

    value: a. complement: 1 - a for the sigmoid, 1 - |a| for tanh, without cancellation. slope: g'. bend: g'' / g'.
    steepest: the largest g' anywhere. rate: a number R with |g''| <= R g' and |g'''| <= R^2 g' everywhere, so that g'
    stays within a factor e^(R d) over a distance d.
    """

    value: float
    complement: float
    slope: float
    bend: float
    steepest: float
    rate: float


@inner
def variation(curve: Curve, e: float) -> float:
    """How far g' may be from the slope, anywhere within 2e of z."""
    return np.fmin(curve.slope * np.expm1(2 * curve.rate * e), curve.slope + curve.steepest)


@inner
def sigmoid_curve(z: float) -> Curve:
    """1 / (1 + e^-z); g'' = g' (1 - 2a), g''' = g' (1 - 6a + 6a^2)."""
    e = np.exp(-abs(z))
    near, far = 1 / (1 + e), e / (1 + e)
    positive = z >= 0
    value, complement = where(positive, near, far), where(positive, far, near)
    return Curve(value, complement, near * far, 1 - 2 * value, 0.25, 1.0)


@inner
def tanh_curve(z: float) -> Curve:
    """tanh z; g'' = -2 a g', g''' = g' (6 a^2 - 2)."""
    value, e = np.tanh(z), np.exp(-2 * abs(z))
    complement = 2 * e / (1 + e)
    return Curve(value, complement, complement * (2 - complement), -2 * value, 1.0, 2.0)


@inner
def sigmoid_error(r: Roundoff, curve: Curve) -> float:
    """1 / (1 + e^-z) or e^z / (1 + e^z): an addition, a division, and the exponential's error times 1 - a.

    The first is 0 where e^-z overflows, and off by no more than 1 / largest. Or the exponential of -log(1 + e^-z),
    whose rounding counts as often as it is large.
    """
    logarithm = np.fmin(-np.log(curve.value), 800.0)  # a that is too small for a number is 0
    roundings = r.exp * curve.complement + 2 + (r.exp + (r.log + 2) * logarithm)
    underflow = np.maximum(r.tiny, 1 / r.largest)
    return granted(r, curve.value * relative(r.u, roundings), 8.0) + underflow


@inner
def sigmoid_prime_error(r: Roundoff, curve: Curve) -> float:
    """a (1 - a): two roundings, and the error of a, which counts |1 - 2a| times: in full where a rounds to 1.

    Or another form, as `from_exponentials` has it.
    """
    error = sigmoid_error(r, curve)
    usual = abs(curve.bend) * error + error * error + relative(r.u, 2) * (curve.slope + error)
    return np.maximum(usual, from_exponentials(r, curve)) + r.tiny


@inner
def from_exponentials(r: Roundoff, curve: Curve) -> float:
    """A slope e / (1 + e)^2, up to an exact factor, for e = e^-z or e^-2z, or as g(z) g(-z), or 1 / cosh(z)^2.

    Nothing cancels: the exponential counts at most twice, and there are no more than five roundings.
    """
    return relative(r.u, 2 * r.exp + 5) * curve.slope


@inner
def tanh_error(r: Roundoff, curve: Curve) -> float:
    """The library's own function, to its constant."""
    return granted(r, r.u * r.tanh * abs(curve.value), 8.0) + r.tiny


@inner
def tanh_prime_error(r: Roundoff, curve: Curve) -> float:
    """1 - a^2: the square rounds by u a^2, the difference by u (1 - a^2), and the error of a counts 2|a| times.

    Or (1 - a)(1 + a), with three roundings, or another form, as `from_exponentials` has it.
    """
    error = tanh_error(r, curve)
    rounding = np.maximum(relative(r.u, 2) * (0.5 + error), relative(r.u, 3) * (curve.slope + error))
    usual = abs(curve.bend) * error + error * error + rounding
    return np.maximum(usual, from_exponentials(r, curve)) + r.tiny


@inner
def beyond_first_order(u: float, curve: Curve, e: float) -> float:
    """What g(z) may be off by besides g' times z's deviation e, and the evaluation error of g at z.

    That error, within z's deviation, changes by at most 16u of what a does.
    """
    varied = variation(curve, e)
    return (varied + (working_error(1) + 16 * u) * (curve.slope + varied)) * e


@inner
def slope_beyond_first_order(u: float, curve: Curve, e: float) -> float:
    """What g'(z) may be off by besides g'' times z's deviation e, and the evaluation error of g' at z.

    That error, within z's deviation, changes by at most 32u of what a does.
    """
    varied = variation(curve, e)
    return (curve.rate * varied + (working_error(1) + 32 * u) * (curve.slope + varied)) * e
