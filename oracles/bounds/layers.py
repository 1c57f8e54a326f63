"""How far a layer's rows may be off: pre-activations, outputs, deltas, and the gradients that they add up to.

Notation: z and a are the pre-activation and output of a layer, delta = dL/dz, h what arrives at a from the next layer.
"""

from __future__ import annotations

import numpy as np

from backproof.oracles.bounds.activations import (
    Curve,
    beyond_first_order,
    sigmoid_curve,
    sigmoid_error,
    sigmoid_prime_error,
    slope_beyond_first_order,
    tanh_curve,
    tanh_error,
    tanh_prime_error,
)
from backproof.oracles.bounds.roundoff import Roundoff, granted, relative, working_error
from backproof.oracles.bounds.rows import (
    Rows,
    Work,
    clear,
    clear_sums,
    product_errors,
    row_of,
    scaled_linear,
    size_of,
    spread,
    sum_error,
)
from backproof.oracles.compiling import inner
from backproof.reference_impl.contract import ACTIVATIONS, Array

IDENTITY, SIGMOID, RELU, TANH, SOFTMAX = map(ACTIVATIONS.index, ("identity", "sigmoid", "relu", "tanh", "softmax"))


@inner
def is_unsure(z: float, size: float) -> bool:
    """Where rounding decides on which side of 0 z lies, and so what a ReLU does; not at an exact 0."""
    return abs(z) <= 2 * size and size > 0


@inner
def _curve(activation: int, z: float) -> Curve:
    return sigmoid_curve(z) if activation == SIGMOID else tanh_curve(z)


@inner
def _error(r: Roundoff, activation: int, curve: Curve) -> float:
    return sigmoid_error(r, curve) if activation == SIGMOID else tanh_error(r, curve)


@inner
def _prime_error(r: Roundoff, activation: int, curve: Curve) -> float:
    return sigmoid_prime_error(r, curve) if activation == SIGMOID else tanh_prime_error(r, curve)


@inner
def times(
    r: Roundoff, M: Array, b: Array, full: bool, n: int, a: Rows, used: int, quantum: float, work: Work, z: Rows
) -> None:
    """z = a M + b for n rows of an a without fresh rounding errors; M (K_a, K_z) in a line; full: no entry of it is 0.

    There is a rounding for each product that is not 0 and, where there are products, one for the bias.
    """
    sums, k, received = work.sums, len(b), len(a.value) // n
    working = working_error(received)
    clear_sums(sums, n * k)
    clear(z.rest, n * k)
    for s in range(n):
        at, there = s * k, 0.0
        for i in range(received):
            entry, start = s * received + i, i * k
            x, rest = a.value[entry], a.rest[entry]
            magnitude, size = abs(x), a.spread[entry] + rest
            if x == 0 and size == 0:
                continue
            there += 1.0
            for j in range(k):
                m = M[start + j]
                sums.value[at + j] += x * m
                sums.magnitude[at + j] += magnitude * abs(m)
                sums.off[at + j] += size * abs(m)
            if used > 0:
                for j in range(k):
                    z.rest[j] += rest * abs(M[start + j])
            if not full:
                for j in range(k):
                    sums.terms[at + j] += 1.0 if M[start + j] != 0 else 0.0
        for j in range(k):
            terms = there if full else sums.terms[at + j]
            sums.terms[at + j] = terms + 1 if b[j] != 0 and terms > 0 else terms
            sums.value[at + j] += b[j]
            sums.magnitude[at + j] += abs(b[j])
            z.value[at + j] = sums.value[at + j]
            z.rest[at + j] = (z.rest[at + j] if used > 0 else sums.off[at + j]) + working * sums.off[at + j]
    product_errors(r, sums, quantum, z.rounding)
    if used > 0:
        _linear_times(M, a, used, z)
        spread(work, z, used)
    else:
        clear(z.spread, n * k)


@inner
def _linear_times(M: Array, a: Rows, used: int, z: Rows) -> None:
    """The J of a M: four rows of a's at a time, so that a row of z's is fetched a quarter as often."""
    k, received = len(z.value), len(a.value)
    for j in range(k):
        clear(z.linear[j], used)
        for i in range(0, received - 3, 4):
            m, n, o, q = M[i * k + j], M[(i + 1) * k + j], M[(i + 2) * k + j], M[(i + 3) * k + j]
            for p in range(used):
                z.linear[j, p] += (
                    m * a.linear[i, p] + n * a.linear[i + 1, p] + o * a.linear[i + 2, p] + q * a.linear[i + 3, p]
                )
        for i in range(received - received % 4, received):
            for p in range(used):
                z.linear[j, p] += M[i * k + j] * a.linear[i, p]


@inner
def activate(r: Roundoff, activation: int, n: int, z: Rows, used: int, work: Work, a: Rows) -> None:
    """a = g(z): first order g' times z's deviation; the rest by how much g' varies; and the evaluation error of g.

    A ReLU is exact where the side of 0 is certain, else off by no more than z is.
    """
    if activation == SOFTMAX:
        for s in range(n):
            _softmax(r, row_of(z, s, n), used, work, row_of(a, s, n))
        return
    for j in range(len(z.value)):
        value, size = z.value[j], size_of(z, j)
        if activation == RELU and is_unsure(value, size):
            a.value[j], a.spread[j], a.rest[j], a.rounding[j] = max(value, 0.0), 0.0, size, 0.0
            clear(a.linear[j], used)
            continue
        slope, beyond, error = 1.0, 0.0, 0.0
        if activation == IDENTITY:
            a.value[j] = value
        elif activation == RELU:
            slope = 1.0 if value > 0 else 0.0
            a.value[j] = slope * value
        else:
            curve = _curve(activation, value)
            a.value[j], slope = curve.value, curve.slope
            beyond, error = beyond_first_order(r.u, curve, size), _error(r, activation, curve)
        a.spread[j] = slope * z.spread[j]
        a.rest[j] = slope * z.rest[j] + beyond
        a.rounding[j] = slope * z.rounding[j] + error
        scaled_linear(slope, z.linear[j], used, a.linear[j])


@inner
def _largest(z: Array) -> float:
    largest = -np.inf
    for j in range(len(z)):
        largest = max(largest, z[j])
    return largest


@inner
def softmax_values(z: Array, a: Array) -> None:
    """a = e^z / sum e^z."""
    largest, total = _largest(z), 0.0
    for j in range(len(z)):
        a[j] = np.exp(z[j] - largest)
        total += a[j]
    for j in range(len(z)):
        a[j] /= total


@inner
def softmax_errors(r: Roundoff, z: Array, a: Array, error: Array) -> None:
    """Exponentials of z - max z, whose rounding counts |z - max z| times; then k - 1 additions and a division.

    Or exponentials of (z - max z) - log sum, or of z - (max z + log sum), where log sum <= log k: what is rounded on
    the way to the exponential counts as often as it is large. (Blanchard, D. Higham and N. Higham, "Accurately
    computing the log-sum-exp and softmax functions", IMA J. Numer. Anal. 41, 2021.)
    """
    k, largest, weighted = len(z), _largest(z), 0.0
    logarithm = np.log(float(k))
    for j in range(k):
        weighted += a[j] * (largest - z[j] + r.exp)
    for j in range(k):
        apart = largest - z[j]
        logarithms = apart + abs(largest) + (r.log + 2) * logarithm
        relatively = relative(r.u, apart + r.exp + weighted + k + logarithms)
        error[j] = granted(r, a[j] * relatively, 8.0 * k) + (k + 1) * r.tiny


@inner
def _softmax(r: Roundoff, z: Rows, used: int, work: Work, a: Rows) -> None:
    """First order a_j (z_j - sum_l a_l z_l); the rest by the second derivative, or by 0 <= a <= 1 if z is uncertain.

    Along a change of at most m in every z the second derivative is at most 4 m^2 a_j, and on the way a_j grows by at
    most a factor e^(2m). The evaluation error changes by no larger a factor, and by 4 m u a_j. z has no fresh rounding
    errors.
    """
    k = len(z.value)
    working = working_error(k)
    softmax_values(z.value, a.value)
    softmax_errors(r, z.value, a.value, a.rounding)
    m, average, total = 0.0, 0.0, 0.0
    for j in range(k):
        m = max(m, size_of(z, j))
        total += size_of(z, j)
        average += a.value[j] * (z.rest[j] + working * size_of(z, j))
    if not total < np.inf or m >= 0.25:  # a z that may overflow gives NaN
        uncertain = 1 + relative(r.u, k + 2.0) if total < np.inf else np.inf
        for j in range(k):
            a.rest[j], a.spread[j] = uncertain + a.rounding[j], 0.0
            a.rounding[j] = 0.0
            clear(a.linear[j], used)
        return
    clear(work.line, used)
    for j in range(k):
        for p in range(used):
            work.line[p] += a.value[j] * z.linear[j, p]
    for j in range(k):
        value, error = a.value[j], a.rounding[j]
        for p in range(used):
            a.linear[j, p] = value * (z.linear[j, p] - work.line[p])
        curvature = value * m * np.expm1(8 * m) + error * np.expm1(4 * m) + 4 * r.u * m * value
        a.rest[j] = value * (z.rest[j] + working * size_of(z, j) + average) + curvature
    spread(work, a, used)


@inner
def times_derivative(r: Roundoff, activation: int, z: Rows, used_by_z: int, h: Rows, used: int, work: Work) -> None:
    """h g'(z) in the place of h.

    First order g' * (h's deviation) + h g'' * (z's deviation); products of deviations count three times: once for
    themselves, and twice because h, g' and g'' are taken where float64 puts them. A ReLU gives h or 0, exactly, where
    the side of 0 is certain; else anything between them.
    """
    working = working_error(1)
    if activation == IDENTITY:
        return
    for j in range(len(h.value)):
        value, size, at, e = h.value[j], size_of(h, j), z.value[j], size_of(z, j)
        if activation == RELU:
            slope = 1.0 if at > 0 else 0.0  # 0 times infinity is NaN, here and in what is judged
            h.value[j] = slope * value
            if is_unsure(at, e):
                h.spread[j], h.rest[j], h.rounding[j] = 0.0, abs(value) + 2 * size, 0.0
                clear(h.linear[j], used)
                continue
            h.spread[j] *= slope
            h.rest[j] *= slope
            h.rounding[j] *= slope
            scaled_linear(slope, h.linear[j], used, h.linear[j])
            continue
        curve = _curve(activation, at)
        evaluation = _prime_error(r, activation, curve) + r.u * curve.slope
        nonlinear = slope_beyond_first_order(r.u, curve, e)
        bend = curve.slope * curve.bend
        of_slope = abs(bend) * e + nonlinear + evaluation
        h.value[j] = curve.slope * value
        h.rest[j] = (
            curve.slope * (h.rest[j] + working * size)
            + abs(value) * (abs(bend) * z.rest[j] + nonlinear)
            + 3 * size * of_slope
        )
        h.rounding[j] = curve.slope * h.rounding[j] + abs(value) * (abs(bend) * z.rounding[j] + evaluation) + r.tiny
        scaled_linear(curve.slope, h.linear[j], used, h.linear[j])
        for p in range(used_by_z):
            h.linear[j, p] += value * bend * z.linear[j, p]
    if activation != RELU:
        spread(work, h, used)


@inner
def gradient_errors(r: Roundoff, work: Work, t: int, n: int, received: int, k: int, dW: Array, db: Array) -> float:
    """The bounds of dW = delta^T a, and of db, delta's sum over samples, in a layer.

    How coarse they are: the largest bound of dW, relative to its largest entry.
    """
    sums, a, a_size, d, d_size = work.sums, work.a[t], work.a_size[t], work.d[t], work.d_size[t]
    widest, largest = 0.0, 0.0
    for j in range(k):
        value, magnitude, off, terms = 0.0, 0.0, 0.0, 0.0
        clear_sums(sums, received)
        for s in range(n):
            delta, size = d[s * k + j], d_size[s * k + j]
            if delta == 0 and size == 0:
                continue
            value += delta
            magnitude += abs(delta)
            off += size
            terms += 1.0
            for i in range(received):
                x, x_size = a[s * received + i], a_size[s * received + i]
                sums.value[i] += delta * x
                sums.magnitude[i] += abs(delta) * abs(x)
                sums.off[i] += size * (abs(x) + x_size) + (abs(delta) + size) * x_size
                sums.terms[i] += 1.0 if (x != 0) | (x_size != 0) else 0.0
        db[j] = off + sum_error(r, magnitude + off, abs(value) + off, max(terms - 1, 0.0))
        found = dW[j * received : (j + 1) * received]
        product_errors(r, sums, 0.0, found)
        for i in range(received):
            found[i] += sums.off[i]
            widest = max(widest, found[i]) if found[i] < np.inf else np.inf
            largest = max(largest, abs(sums.value[i]))
    if widest == 0:
        return 0.0
    return widest / largest if largest > 0 else np.inf
