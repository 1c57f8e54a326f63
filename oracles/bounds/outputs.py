"""How far the loss may be off, and delta_L = dL/dz at the last layer.

Notation: p is the prediction, y the label, c the loss's scale.
"""

from __future__ import annotations

from backproof.oracles.bounds.layers import SOFTMAX, times_derivative
from backproof.oracles.bounds.losses import (
    Terms,
    binary_cross_entropy,
    cross_entropy,
    squared_error,
    weighted_binary_cross_entropy_slope,
    weighted_cross_entropy_slope,
    weighted_squared_error_slope,
)
from backproof.oracles.bounds.roundoff import Roundoff, relative, working_error
from backproof.oracles.bounds.rows import (
    Network,
    Rows,
    Work,
    clear,
    row_of,
    scaled_linear,
    size_of,
    spread,
)
from backproof.oracles.compiling import inner
from backproof.oracles.stack import LOSS_KINDS
from backproof.reference_impl.contract import Array

SQUARED_ERROR, CROSS_ENTROPY, BINARY_CROSS_ENTROPY = range(len(LOSS_KINDS))


@inner
def _terms(r: Roundoff, kind: int, p: float, e: float, y: float) -> Terms:
    """The loss's term of an entry."""
    if kind == SQUARED_ERROR:
        return squared_error(r, p, e, y)
    if kind == CROSS_ENTROPY:
        return cross_entropy(r, p, e, y)
    return binary_cross_entropy(r, p, e, y)


@inner
def _weighted_slope(r: Roundoff, kind: int, p: float, e: float, y: float) -> tuple[float, Terms]:
    """q / c = p dL/dp / c of an entry."""
    if kind == SQUARED_ERROR:
        return weighted_squared_error_slope(r, p, e, y)
    if kind == CROSS_ENTROPY:
        return weighted_cross_entropy_slope(r, p, e, y)
    return weighted_binary_cross_entropy_slope(r, p, e, y)


@inner
def loss_of_rows(r: Roundoff, kind: int, p: Rows, y: Array, used: int, work: Work, start: int) -> tuple[float, float]:
    """What the sum of terms may be off by in p, and for their evaluation; their largest values go to work.terms.

    A p that is given has a rounding of its own and a part of the error; where it is computed, errors are followed.
    """
    off, evaluation, working = 0.0, 0.0, working_error(1)
    clear(work.line, used)
    for j in range(len(y)):
        size = size_of(p, j)
        terms = _terms(r, kind, p.value[j], size, y[j])
        work.terms[start + j] = terms.largest
        evaluation += terms.rounding
        given = r.u * abs(p.value[j]) + r.tiny + r.of_prediction * size
        if given < size:  # a chord of the curvature, once for its own end, twice for the slope, which is that at p
            off += abs(terms.slope) * (1 + working) * given + 3 * terms.curvature * (given / size)
            continue
        off += abs(terms.slope) * (p.rest[j] + working * size) + terms.curvature
        for i in range(used):
            work.line[i] += terms.slope * p.linear[j, i]
    for i in range(used):
        off += abs(work.line[i]) * work.m[i]
    return off, evaluation


@inner
def output_delta(
    r: Roundoff, net: Network, n: int, z: Rows, p: Rows, y: Array, used: int, work: Work, delta: Rows
) -> None:
    """delta of the last layer for n rows.

    A sigmoid under the binary cross-entropy has c (p - y), whichever way it is evaluated: p (1 - p) cancels, as
    computed. From logits it is c ((1 - y) p - y (1 - p)), which rounds its two terms and evaluates a second sigmoid;
    for labels of 0 and 1 there is only one term. Else there is a rounding for the difference and three for the scale.
    """
    activation, kind, c = net.activations[-1], net.loss, net.scale
    if activation == SOFTMAX:
        for s in range(n):
            of_row = y[s * len(y) // n : (s + 1) * len(y) // n]
            _softmax_delta(r, kind, row_of(p, s, n), of_row, c, used, work, row_of(delta, s, n))
        return
    two_terms = kind == BINARY_CROSS_ENTROPY
    scale, working = c if two_terms else 2 * c, working_error(1)
    for j in range(len(y)):
        value, size = p.value[j], size_of(p, j)
        error = 0.0
        if value != 0 or size != 0 or y[j] != 0:
            error = relative(r.u, 4.0) * scale * (abs(value - y[j]) + size) + 4 * r.tiny
        if two_terms:
            no, yes = (1 - y[j]) * value, y[j] * (1 - value)
            error += c * (no * relative(r.u, 2.0) + yes * relative(r.u, 3 + r.exp * value))
        delta.value[j] = scale * (value - y[j])
        delta.spread[j] = scale * p.spread[j]
        delta.rest[j] = scale * (p.rest[j] + working * size)
        delta.rounding[j] = error
        scaled_linear(scale, p.linear[j], used, delta.linear[j])
    if not two_terms:
        times_derivative(r, activation, z, work.used[len(net.activations) - 1], delta, used, work)


@inner
def _softmax_delta(r: Roundoff, kind: int, p: Rows, y: Array, c: float, used: int, work: Work, delta: Rows) -> None:
    """delta = q - p sum q with q = p * dL/dp, for any loss: first order (q' - sum q) dp - p sum(q' dp).

    Products of deviations count three times: once for themselves, and twice because p and q are taken where float64
    puts them. Under the cross-entropy q = -c y, and an evaluation as c (p - y) takes for granted that labels sum to
    1.
    """
    k = len(y)
    working = working_error(2 * k)
    q_sum, labels, slopes, curvatures, sizes, roundings, largest = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    clear(work.line, used)
    for j in range(k):
        size = size_of(p, j)
        value, terms = _weighted_slope(r, kind, p.value[j], size, y[j])
        q, slope, curvature, error = c * value, c * terms.slope, c * terms.curvature, c * terms.rounding + r.tiny
        q_size = abs(slope) * size + curvature + error
        q_sum += q
        labels += y[j]
        slopes += abs(slope) * (p.rest[j] + working * size)
        curvatures += curvature
        sizes += q_size
        roundings += error
        largest += abs(q) + q_size
        for i in range(used):
            work.line[i] += slope * p.linear[j, i]
    for j in range(k):
        at, size = p.value[j], size_of(p, j)
        value, terms = _weighted_slope(r, kind, at, size, y[j])
        q, slope, curvature, error = c * value, c * terms.slope, c * terms.curvature, c * terms.rounding + r.tiny
        q_size = abs(slope) * size + curvature + error
        evaluation = r.u * (abs(q) + q_size + (at + size) * largest) + r.tiny
        delta.value[j] = q - at * q_sum
        delta.rest[j] = (
            abs(slope - q_sum) * (p.rest[j] + working * size)
            + at * slopes
            + curvature
            + at * curvatures
            + 3 * size * sizes
            + (c * at * abs(1 - labels) if kind == CROSS_ENTROPY else 0.0)
        )
        delta.rounding[j] = error + at * roundings + (k + 3) * evaluation
        for i in range(used):
            delta.linear[j, i] = (slope - q_sum) * p.linear[j, i] - at * work.line[i]
    spread(work, delta, used)
