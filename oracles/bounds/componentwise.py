"""Componentwise bounds: no rounding error is followed by itself, all that an entry may be off by is one number.

That takes a fraction of the time and bounds most networks as well as affine arithmetic does; deep ones it bounds more
coarsely. The formulas are those of the other modules, which Numba compiles for single numbers. What is left to do here
is to go through networks, layers, samples and neurons, one after the other.

This module is long because its functions are compiled together: Numba looks for changes in the file of the function
that is called, and not in those of the functions that it calls.

Notation as in `oracles.bounds.affine`. Of every entry there is its value and its size, the largest distance from the
exact one. A quantum is a power of two that divides all entries of an array that is exact, else 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba.extending import overload, register_jitable

import backproof.oracles.bounds.arithmetic
import backproof.oracles.layout
import backproof.oracles.powers
import backproof.oracles.stack
import backproof.reference_impl.contract
from backproof.oracles.bounds import activations, deviation, losses
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
from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.bounds.deviation import (
    FEW_DIGITS,
    Roundoff,
    additions_error,
    mixed_products_error,
    products_error,
    relative,
    working_error,
)
from backproof.oracles.bounds.losses import Terms
from backproof.oracles.compiling import compiler
from backproof.oracles.layout import Layout
from backproof.oracles.powers import common_power, is_power_of_two
from backproof.oracles.stack import LOSS_KINDS, Flat, Lines, Stack
from backproof.reference_impl.contract import ACTIVATIONS, Array

IDENTITY, SIGMOID, RELU, TANH, SOFTMAX = map(ACTIVATIONS.index, ("identity", "sigmoid", "relu", "tanh", "softmax"))
SQUARED_ERROR, CROSS_ENTROPY, BINARY_CROSS_ENTROPY = range(len(LOSS_KINDS))
LARGEST_POWER = 2.0**1023

compiled = compiler(
    activations,
    deviation,
    losses,
    backproof.oracles.bounds.arithmetic,
    backproof.oracles.layout,
    backproof.oracles.powers,
    backproof.oracles.stack,
    backproof.reference_impl.contract,
)

# Numba compiles these where compiled functions call them.
for function in (
    relative,
    working_error,
    additions_error,
    deviation.rounded_products,
    products_error,
    mixed_products_error,
    activations.variation,
    activations.from_exponentials,
    beyond_first_order,
    slope_beyond_first_order,
    sigmoid_curve,
    sigmoid_error,
    sigmoid_prime_error,
    tanh_curve,
    tanh_error,
    tanh_prime_error,
    losses.minus_log,
    losses.weighted,
    losses.squared_error,
    losses.cross_entropy,
    losses.binary_cross_entropy,
    losses.weighted_squared_error_slope,
    losses.weighted_cross_entropy_slope,
    losses.weighted_binary_cross_entropy_slope,
):
    register_jitable(function)


# Numba compares the names of the arguments, and whatever is annotated.
@overload(deviation.where)
def _where(condition, this, that):  # type: ignore[no-untyped-def] # noqa: ARG001
    """One of two numbers."""
    return lambda condition, this, that: float(this) if condition else float(that)


class Sums(NamedTuple):
    """Sums of products for a row of entries: they, of absolute values, what their factors put them off by, and terms.

    terms: how many of the products need not be 0.
    """

    value: Array
    magnitude: Array
    off: Array
    terms: Array


class Layer(NamedTuple):
    """An array (N, K) of a layer, and how far its entries may be from the exact ones."""

    value: Array
    size: Array


@compiled
def _matrix(line: Array, rows: int, columns: int) -> Array:
    """What a line begins with, as a matrix in one piece."""
    return line[: rows * columns].reshape((rows, columns))


@compiled
def _layer(value: Array, size: Array, n: int, k: int) -> Layer:
    """The same of two lines."""
    return Layer(_matrix(value, n, k), _matrix(size, n, k))


@compiled
def _exactly(r: Roundoff, u: float, magnitude: float, quantum: float) -> bool:
    """As `Ledger.exactly` has it; without a branch, so that it is worked out for several entries in one instruction."""
    return (quantum > 0) & (magnitude <= quantum / u) & ((quantum >= r.tiny) | (magnitude == 0))


@compiled
def _sum_error(r: Roundoff, magnitude: float, total: float, additions: float, quantum: float) -> float:
    """As `Ledger.sum_error` has it."""
    if magnitude > r.largest:
        return np.inf
    if _exactly(r, r.u, magnitude, quantum):
        return 0.0
    return additions_error(r.u, magnitude, total, additions) + additions * r.tiny


@compiled
def _product_errors(r: Roundoff, sums: Sums, quantum: float, errors: Array) -> None:
    """As `Ledger.product_error` has it, for a row of entries."""
    plain = r.operand == 0 and r.accumulation == r.u
    u = max(r.u, r.operand)
    for i in range(len(errors)):
        off, terms = sums.off[i], sums.terms[i]
        magnitude, total = sums.magnitude[i] + off, abs(sums.value[i]) + off
        if plain:
            error = products_error(r, magnitude, total, terms)
        else:
            error = mixed_products_error(r, magnitude, total, terms)
        error = 0.0 if _exactly(r, u, magnitude, quantum) else error
        errors[i] = np.inf if magnitude > r.largest else error


@compiled
def _any_wrong(array: Layer) -> bool:
    for row in array.size:
        for size in row:
            if size != 0:
                return True
    return False


@compiled
def _unsure(z: float, size: float) -> bool:
    """As `activations.undecided` has it."""
    return abs(z) <= 2 * size and size > 0


@compiled
def _curve(activation: int, z: float) -> Curve:
    return sigmoid_curve(z) if activation == SIGMOID else tanh_curve(z)


@compiled
def _error(r: Roundoff, activation: int, curve: Curve) -> float:
    return sigmoid_error(r, curve) if activation == SIGMOID else tanh_error(r, curve)


@compiled
def _prime_error(r: Roundoff, activation: int, curve: Curve) -> float:
    return sigmoid_prime_error(r, curve) if activation == SIGMOID else tanh_prime_error(r, curve)


@compiled
def _any_zero(array: Array) -> bool:
    for row in array:
        for value in row:
            if value == 0:
                return True
    return False


@compiled
def _affine(r: Roundoff, W: Array, b: Array, a: Layer, quantum: float, sums: Sums, z: Layer) -> float:
    """z = a W^T + b; the quantum of z. With W^T for W and no b, what arrives at the layer before: h = delta W."""
    (n, received), k = a.value.shape, len(b)
    if quantum > 0:
        quantum = min(common_power(LARGEST_POWER, W) * quantum, common_power(LARGEST_POWER, b.reshape(1, -1)))
    exact = quantum > 0 and not _any_wrong(a)
    at, all_possible = 0, not (_any_zero(W) or _any_zero(a.value))
    for s in range(n):
        for j in range(k):
            value, magnitude, off, terms = 0.0, 0.0, 0.0, float(received)
            for i in range(received):
                w = abs(W[j, i])
                value += a.value[s, i] * W[j, i]
                magnitude += abs(a.value[s, i]) * w
                off += a.size[s, i] * w
            if not all_possible:
                terms = 0.0
                for i in range(received):
                    if W[j, i] != 0 and (a.value[s, i] != 0 or a.size[s, i] != 0):
                        terms += 1
            if b[j] != 0 and terms > 0:
                terms += 1
            z.value[s, j] = sums.value[at] = value + b[j]
            sums.magnitude[at], sums.off[at], sums.terms[at] = magnitude + abs(b[j]), off, terms
            at += 1
    size = z.size.reshape(n * k)
    _product_errors(r, sums, quantum, size)
    exact = exact and not _any_wrong(z)
    working = working_error(received)
    for i in range(n * k):
        size[i] += sums.off[i] + working * sums.off[i]
    return quantum if exact else 0.0


@compiled
def _activate(r: Roundoff, activation: int, z: Layer, a: Layer) -> None:
    """a = g(z)."""
    n, k = z.value.shape
    for s in range(n):
        if activation == SOFTMAX:
            _softmax(r, z.value[s], z.size[s], a.value[s], a.size[s])
            continue
        for j in range(k):
            value, size = z.value[s, j], z.size[s, j]
            if activation == IDENTITY:
                a.value[s, j], a.size[s, j] = value, size
            elif activation == RELU:
                slope = 1.0 if value > 0 else 0.0
                a.value[s, j] = np.maximum(value, 0.0)
                a.size[s, j] = size if _unsure(value, size) else slope * size
            else:
                curve = _curve(activation, value)
                a.value[s, j] = curve.value
                a.size[s, j] = curve.slope * size + beyond_first_order(r.u, curve, size)
                a.size[s, j] += _error(r, activation, curve)


@compiled
def _softmax_values(z: Array, a: Array) -> None:
    """a = e^z / sum e^z."""
    largest, total = z.max(), 0.0
    for j in range(len(z)):
        a[j] = math.exp(z[j] - largest)
        total += a[j]
    for j in range(len(z)):
        a[j] /= total


@compiled
def _softmax_errors(r: Roundoff, z: Array, a: Array, error: Array) -> None:
    """As `activations.softmax_error` has it."""
    k, largest, weighted = float(len(z)), z.max(), 0.0
    for j in range(len(z)):
        weighted += a[j] * (largest - z[j] + r.exp)
    for j in range(len(z)):
        relatively = relative(r.u, largest - z[j] + r.exp + weighted + k)
        error[j] = (8 * k * r.u if r.lenient else a[j] * relatively) + (k + 1) * r.tiny


@compiled
def _softmax(r: Roundoff, z: Array, size: Array, a: Array, a_size: Array) -> None:
    """A row of a softmax layer, as `activations.softmax_deviation` has it."""
    k, working = float(len(z)), working_error(len(z))
    _softmax_values(z, a)
    _softmax_errors(r, z, a, a_size)
    m, average = 0.0, 0.0
    for j in range(len(z)):
        m = max(m, size[j])
        average += a[j] * size[j]
    for j in range(len(z)):
        error, to_first_order = a_size[j], a[j] * (size[j] + average)
        if m < 0.25:
            beyond = a[j] * m * math.expm1(8 * m) + error * math.expm1(4 * m) + 4 * r.u * m * a[j]
        else:
            beyond = 1 + relative(r.u, k + 2) + to_first_order
        a_size[j] = to_first_order + working * to_first_order + beyond + error


@compiled
def _terms(r: Roundoff, kind: int, p: float, e: float, y: float) -> Terms:
    """The loss's term of an entry."""
    if kind == SQUARED_ERROR:
        return losses.squared_error(r, p, e, y)
    if kind == CROSS_ENTROPY:
        return losses.cross_entropy(r, p, e, y)
    return losses.binary_cross_entropy(r, p, e, y)


@compiled
def _weighted_slope(r: Roundoff, kind: int, p: float, e: float, y: float) -> tuple[float, Terms]:
    """q / c = p dL/dp / c of an entry."""
    if kind == SQUARED_ERROR:
        return losses.weighted_squared_error_slope(r, p, e, y)
    if kind == CROSS_ENTROPY:
        return losses.weighted_cross_entropy_slope(r, p, e, y)
    return losses.weighted_binary_cross_entropy_slope(r, p, e, y)


@compiled
def _loss(r: Roundoff, kind: int, p: Layer, y: Array, c: float, quantum: float) -> float:
    """The bound of the loss, as `losses.loss_error` has it; quantum: of predictions and labels."""
    n, k = p.value.shape
    largest = np.empty(n * k)
    first_order, roundings, working = 0.0, 0.0, working_error(1)
    for s in range(n):
        for j in range(k):
            size = p.size[s, j]
            terms = _terms(r, kind, p.value[s, j], size, y[s, j])
            largest[s * k + j] = terms.largest
            first_order += abs(terms.slope) * (size + working * size) + terms.curvature
            roundings += terms.rounding
    quantum = quantum * quantum if kind == SQUARED_ERROR and is_power_of_two(c) else 0.0
    sum_error = _positive_sum_error(r, largest, quantum)
    return c * (first_order + (roundings if sum_error != 0 else 0.0) + sum_error)


@compiled
def _positive_sum_error(r: Roundoff, terms: Array, quantum: float) -> float:
    """As `Ledger.positive_sum_error` has it."""
    total = terms.sum()
    if total > r.largest:
        return np.inf
    if _exactly(r, r.u, total, quantum):
        return 0.0
    terms.sort()
    number = float((terms > 0).sum())
    error = (number + 4) * r.tiny if number > 0 else 0.0
    for rank in range(len(terms)):
        part_in = max(number - max(rank, 1), 0.0) + 4
        error += relative(r.u, part_in) * terms[len(terms) - 1 - rank]
    return error


@compiled
def _output_delta(
    r: Roundoff, activation: int, kind: int, z: Layer, p: Layer, y: Array, c: float, quantum: float, delta: Layer
) -> float:
    """delta of the last layer, as `losses.output_delta` has it; its quantum."""
    n, k = p.value.shape
    if activation == SOFTMAX:
        for s in range(n):
            _softmax_delta(r, kind, p.value[s], p.size[s], y[s], c, delta.value[s], delta.size[s])
        return 0.0
    factor = 1 if kind == BINARY_CROSS_ENTROPY else 2
    common = quantum if is_power_of_two(c) else 0.0
    exact, scale, working = common > 0 and not _any_wrong(p), factor * c, working_error(1)
    for s in range(n):
        for j in range(k):
            value, size = p.value[s, j], p.size[s, j]
            largest = abs(value) + size + abs(y[s, j])
            rounding = relative(r.u, 4.0) * scale * (abs(value - y[s, j]) + size) + 4 * r.tiny
            if largest == 0 or (
                _exactly(r, r.u, largest, common) and _exactly(r, r.u, scale * largest, scale * common)
            ):
                rounding = 0.0
            exact = exact and rounding == 0
            delta.value[s, j] = scale * (value - y[s, j])
            delta.size[s, j] = scale * (size + working * size) + rounding
            if kind == BINARY_CROSS_ENTROPY:
                no, yes = (1 - y[s, j]) * value, y[s, j] * (1 - value)
                delta.size[s, j] += c * (no * relative(r.u, 2.0) + yes * relative(r.u, 3 + r.exp * value))
    if kind == BINARY_CROSS_ENTROPY:
        return 0.0
    _times_derivative(r, activation, z, delta)
    return scale * common if exact and activation in (IDENTITY, RELU) else 0.0


@compiled
def _softmax_delta(
    r: Roundoff, kind: int, p: Array, size: Array, y: Array, c: float, delta: Array, delta_size: Array
) -> None:
    """A row of delta of a softmax layer, as `losses._softmax_delta` has it."""
    k = len(p)
    working = working_error(2 * k)
    q_sum, labels, slopes, curvatures, sizes, roundings, largest = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(k):
        value, terms = _weighted_slope(r, kind, p[j], size[j], y[j])
        q, curvature, rounding = c * value, c * terms.curvature, c * terms.rounding + r.tiny
        q_size = abs(c * terms.slope) * size[j] + curvature + rounding
        q_sum += q
        labels += y[j]
        slopes += abs(c * terms.slope) * (size[j] + working * size[j])
        curvatures += curvature
        sizes += q_size
        roundings += rounding
        largest += abs(q) + q_size
    for j in range(k):
        value, terms = _weighted_slope(r, kind, p[j], size[j], y[j])
        q, slope, curvature, rounding = c * value, c * terms.slope, c * terms.curvature, c * terms.rounding + r.tiny
        q_size = abs(slope) * size[j] + curvature + rounding
        evaluation = r.u * (abs(q) + q_size + (p[j] + size[j]) * largest) + r.tiny
        delta[j] = q - p[j] * q_sum
        delta_size[j] = (
            abs(slope - q_sum) * (size[j] + working * size[j])
            + p[j] * slopes
            + curvature
            + p[j] * curvatures
            + 3 * size[j] * sizes
            + (c * p[j] * abs(1 - labels) if kind == CROSS_ENTROPY else 0.0)
            + rounding
            + p[j] * roundings
            + (k + 3) * evaluation
        )


@compiled
def _times_derivative(r: Roundoff, activation: int, z: Layer, h: Layer) -> bool:
    """h g'(z) in the place of h; whether rounding may decide on which side of 0 any z lies, for a ReLU."""
    n, k = z.value.shape
    unsure, working = False, working_error(1)
    for s in range(n):
        for j in range(k):
            value, size, at, e = h.value[s, j], h.size[s, j], z.value[s, j], z.size[s, j]
            if activation == RELU:
                slope = 1.0 if at > 0 else 0.0  # 0 times infinity is NaN, here and in what is judged
                unsure = unsure or _unsure(at, e)
                h.value[s, j] = slope * value
                h.size[s, j] = abs(value) + 2 * size if _unsure(at, e) else slope * size
            elif activation != IDENTITY:
                curve = _curve(activation, at)
                evaluation = _prime_error(r, activation, curve) + r.u * curve.slope
                nonlinear = slope_beyond_first_order(r.u, curve, e)
                bend = abs(curve.slope * curve.bend)
                h.value[s, j] = curve.slope * value
                h.size[s, j] = (
                    curve.slope * (size + working * size)
                    + abs(value) * (bend * e + nonlinear)
                    + 3 * size * (bend * e + nonlinear + evaluation)
                    + abs(value) * evaluation
                    + r.tiny
                )
    return unsure


@compiled
def _gradients(
    r: Roundoff, delta: Layer, a: Layer, quantum: float, of_a: float, sums: Sums, dW: Array, db: Array
) -> None:
    """The bounds of dW = delta^T a, and of db, delta's sum over samples."""
    (n, k), received = delta.value.shape, a.value.shape[1]
    for j in range(k):
        value, magnitude, off, terms = 0.0, 0.0, 0.0, 0.0
        for part in sums:
            part[:received] = 0.0
        for s in range(n):
            d, d_size = delta.value[s, j], delta.size[s, j]
            possible = 1.0 if d != 0 or d_size != 0 else 0.0
            value += d
            magnitude += abs(d)
            off += d_size
            terms += possible
            for i in range(received):
                x, x_size = a.value[s, i], a.size[s, i]
                sums.value[i] += d * x
                sums.magnitude[i] += abs(d) * abs(x)
                sums.off[i] += d_size * (abs(x) + x_size) + (abs(d) + d_size) * x_size
                sums.terms[i] += possible if (x != 0) | (x_size != 0) else 0.0
        db[j] = off + _sum_error(r, magnitude + off, abs(value) + off, max(terms - 1, 0.0), quantum)
        _product_errors(r, sums, quantum * of_a, dW[j])
        for i in range(received):
            dW[j, i] += sums.off[i]


@compiled
def _few_digits(array: Array) -> bool:
    """As `deviation.have_few_digits` has it."""
    for row in array:
        for value in row:
            scaled = math.frexp(value)[0] * 2.0**FEW_DIGITS
            if scaled != math.floor(scaled):
                return False
    return True


@compiled
def _known(array: Array) -> None:
    """Infinite where nothing can be said."""
    for i in range(len(array)):
        if math.isnan(array[i]):
            array[i] = np.inf


@compiled
def _passes(
    r: Roundoff,
    given: Lines,
    widths: Array,
    samples: Array,
    depths: Array,
    activations: Array,
    kinds: Array,
    scales: Array,
    output: Array,
    loss: Array,
    dW: Array,
    db: Array,
    undecided: Array,
) -> None:
    """The bounds of all that a stack's networks give forward and backward."""
    S, L, K = len(widths), widths.shape[1] - 1, widths.max()
    layer = K * samples.max()
    z_value, z_size = np.empty((L, layer)), np.empty((L, layer))
    a_value, a_size = np.empty((L + 1, layer)), np.empty((L + 1, layer))
    d_value, d_size, h_value, h_size = np.empty(layer), np.empty(layer), np.empty(layer), np.empty(layer)
    sums = Sums(np.empty(layer), np.empty(layer), np.empty(layer), np.empty(layer))
    turned, nothing = np.empty(K * K), np.zeros(K)
    quanta, places = np.zeros(L + 1), np.zeros((2, L), np.int64)
    at_x, at_y, at_output, at_dW, at_db = 0, 0, 0, 0, 0
    for s in range(S):
        n, first = samples[s], L - depths[s]
        k = widths[s, first]
        x = _layer(a_value[first], a_size[first], n, k)
        x.value[:] = _matrix(given.x[at_x:], n, k)
        x.size[:] = 0.0
        quanta[first] = common_power(LARGEST_POWER, x.value) if _few_digits(x.value) else 0.0
        output[at_output : at_output + n * k] = 0.0
        at_x += n * k
        at_output += n * k
        for t in range(first, L):
            received, k, activation = widths[s, t], widths[s, t + 1], activations[s, t]
            before = _layer(a_value[t], a_size[t], n, received)
            z, a = _layer(z_value[t], z_size[t], n, k), _layer(a_value[t + 1], a_size[t + 1], n, k)
            W, b = _matrix(given.weights[at_dW:], k, received), given.biases[at_db : at_db + k]
            quantum = _affine(r, W, b, before, quanta[t], sums, z)
            _activate(r, activation, z, a)
            quanta[t + 1] = quantum if activation in (IDENTITY, RELU) else 0.0
            _matrix(output[at_output:], n, k)[:] = a.size
            at_output += n * k
            if activation == RELU:
                for row in range(n):
                    for j in range(k):
                        undecided[s] += _unsure(z.value[row, j], z.size[row, j])
            places[0, t], places[1, t] = at_dW, at_db
            at_dW += k * received
            at_db += k
        k = widths[s, L]
        z, p = _layer(z_value[L - 1], z_size[L - 1], n, k), _layer(a_value[L], a_size[L], n, k)
        y = _matrix(given.y[at_y:], n, k)
        at_y += n * k
        quantum = quanta[L]
        if quantum > 0:
            quantum = common_power(quantum, y)
        loss[s] = _loss(r, kinds[s], p, y, scales[s], quantum)
        delta = _layer(d_value, d_size, n, k)
        of_delta = _output_delta(r, activations[s, L - 1], kinds[s], z, p, y, scales[s], quantum, delta)
        for t in range(L - 1, first - 1, -1):
            received, k = widths[s, t], widths[s, t + 1]
            before = _layer(a_value[t], a_size[t], n, received)
            of_W, of_b = _matrix(dW[places[0, t] :], k, received), db[places[1, t] : places[1, t] + k]
            _gradients(r, delta, before, of_delta, quanta[t], sums, of_W, of_b)
            if t > first:
                W_T, h = _matrix(turned, received, k), _layer(h_value, h_size, n, received)
                W_T[:] = _matrix(given.weights[places[0, t] :], k, received).T
                of_delta = _affine(r, W_T, nothing[:received], delta, of_delta, sums, h)
                z, activation = _layer(z_value[t - 1], z_size[t - 1], n, received), activations[s, t - 1]
                unsure = _times_derivative(r, activation, z, h)
                if unsure or activation not in (IDENTITY, RELU):
                    of_delta = 0.0
                delta = h
                d_value, h_value = h_value, d_value
                d_size, h_size = h_size, d_size
    for found in (output, loss, dW, db):
        _known(found)


@compiled
def _functions(
    rs: tuple[Roundoff, ...],
    inputs: Array,
    first_widths: Array,
    samples: Array,
    sigmoid: Array,
    sigmoid_prime: Array,
    tanh: Array,
    tanh_prime: Array,
    softmax: Array,
) -> None:
    """The bounds of the activations and their derivatives at x, which is exact, (A, F)."""
    for i in range(len(inputs)):
        curve, other = sigmoid_curve(inputs[i]), tanh_curve(inputs[i])
        for n in range(len(rs)):
            sigmoid[n, i], sigmoid_prime[n, i] = sigmoid_error(rs[n], curve), sigmoid_prime_error(rs[n], curve)
            tanh[n, i], tanh_prime[n, i] = tanh_error(rs[n], other), tanh_prime_error(rs[n], other)
    at, a = 0, np.empty(first_widths.max())
    for s in range(len(samples)):
        k = first_widths[s]
        for _ in range(samples[s]):
            x = inputs[at : at + k]
            _softmax_values(x, a[:k])
            for n in range(len(rs)):
                _softmax_errors(rs[n], x, a[:k], softmax[n, at : at + k])
            at += k
    for found in (sigmoid, sigmoid_prime, tanh, tanh_prime, softmax):
        for n in range(len(rs)):
            _known(found[n])


@compiled
def _steps(r: Roundoff, w: Array, g: Array, rates: Array, layout: Layout, found: Array) -> None:
    """The bounds of w - alpha g, as `network._steps` has them."""
    S, L = layout.starts.shape
    for s in range(S):
        alpha, start = rates[s], layout.starts[s, 0]
        end = layout.starts[s, L - 1] + layout.rows[s, L - 1] * layout.columns[s, L - 1]
        for i in range(start, end):
            step = alpha * g[i]
            error = r.u * (3 * abs(step) + abs(w[i] - step))
            found[i] = error + (2 * r.tiny if (w[i] != 0) | (g[i] != 0) else 0.0)
        if not (is_power_of_two(alpha) and _few_digits(w[start:end].reshape(1, -1))):
            continue
        for t in range(L):
            start = layout.starts[s, t]
            end = start + layout.rows[s, t] * layout.columns[s, t]
            power = common_power(LARGEST_POWER, w[start:end].reshape(1, -1))
            quantum = common_power(power, g[start:end].reshape(1, -1)) * min(alpha, 1.0)
            for i in range(start, end):
                if _exactly(r, r.u, abs(w[i]) + abs(alpha * g[i]), quantum):
                    found[i] = 0.0
    _known(found)


def passes(stack: Stack, arithmetic: Arithmetic) -> tuple[Flat, Array]:
    """The bounds of outputs, loss, dW and db, each in a line, and how many neurons are too near a kink (S,)."""
    found = {kind: stack.empty_line(kind) for kind in ("output", "loss", "dW", "db")}
    undecided = np.zeros(len(stack.cases), int)
    _passes(
        Roundoff.of(arithmetic),
        stack.lines,
        stack.widths,
        stack.samples,
        stack.depths,
        stack.activations,
        stack.loss,
        stack.scale,
        *found.values(),
        undecided,
    )
    return found, undecided


def functions(stack: Stack, arithmetics: Sequence[Arithmetic]) -> Flat:
    """The bounds of the activations and their derivatives at x, each in a line for every arithmetic."""
    shape = (len(arithmetics), len(stack.lines.x))
    found = {kind: np.empty(shape) for kind in ("sigmoid", "sigmoid_prime", "tanh", "tanh_prime", "softmax")}
    rs = tuple(map(Roundoff.of, arithmetics))
    _functions(rs, stack.lines.x, stack.first_widths, stack.samples, *found.values())
    return found | {kind: np.zeros(shape) for kind in ("relu", "relu_prime")}


def steps(stack: Stack, arithmetics: Sequence[Arithmetic]) -> Flat:
    """The bounds of w - alpha g, for the gradients that the cases try the step with, in a line for every arithmetic."""
    given, rates, found = stack.lines, stack.learning_rate, {}
    for kind, w, g in (("step_W", given.weights, given.step_weights), ("step_b", given.biases, given.step_biases)):
        found[kind] = np.empty((len(arithmetics), len(w)))
        for arithmetic, line in zip(arithmetics, found[kind], strict=True):
            _steps(Roundoff.of(arithmetic), w, g, rates, stack.layouts[kind], line)
    return found
