"""Exact mode: networks whose every operation is exact, worked out where nothing rounds.

With small integers, or few binary digits, under identity and ReLU, a squared error and means over powers of two,
nothing rounds. That is proven here and not hoped for. Where all terms of a sum are multiples of q, a power of two, and
their absolute values sum up to no more than 2^p q, every sum of some of them is a number of p binary digits: no order
of additions rounds. So it is worked out for each quantity how many digits the operations need that lead to it. Where
the precision has them, there is one right answer, to the bit. Worked out in float64, as is done here for many networks
at a time, it is the rational number: float64 has the digits of every precision that is judged.

To the bit, but for the sign of a zero: a rational 0 has none. Which one floating-point arithmetic gives it, in -1 * 0
or in x - x, depends on the order of operations, and the contract leaves that open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.compiling import Compiled, inner
from backproof.oracles.layout import Layout
from backproof.oracles.powers import common_power, is_power_of_two
from backproof.oracles.stack import LOSS_KINDS, PASS_ON, Flat, Lines, Stack, shape_of, stack_of
from backproof.reference_impl.contract import ACTIVATIONS, Array

# The kinds of quantities that may be exact.
KINDS = ("output", "loss", "dW", "db", "step_W", "step_b")

# The binary digits of a dtype's numbers, and the smallest power of two that the terms of a sum may be multiples of.
DIGITS = {"float64": 53, "float32": 24}
SMALLEST_QUANTUM = {"float64": 2.0**-1022, "float32": 2.0**-126}

RELU = ACTIVATIONS.index("relu")
RATIONAL = [ACTIVATIONS.index("identity"), RELU, PASS_ON]

UNKNOWN = -1  # the digits of what may be rounded


@dataclass(frozen=True)
class Exact:
    """The exact values of some quantities of a case, and how many binary digits the operations for each need."""

    values: Answer = field(default_factory=dict)
    digits: dict[Quantity, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ExactStack:
    """The same for a stack's networks, by kind of quantity.

    networks: those that may be. values, known: the numbers in a line, and which of them are exact. digits: (S, L + 1)
    for outputs, (S, 1) for the loss, else (S, L); -1 where an operation may round.
    """

    networks: Array
    values: Flat
    known: Flat
    digits: dict[str, Array]


def exact_answer(case: Case) -> Exact:
    """The quantities of a case for which no operation rounds in the case's dtype.

    Looked at are outputs, loss, gradients and descent steps; none of them where an activation is not rational, or the
    loss has a logarithm.
    """
    stack, found = stack_of([case], [0], shape_of(case)), Exact()
    exact = exact_stack(stack)
    if exact is None:
        return found
    (values,) = stack.split(exact.values)
    for quantity, value in values.items():
        digits = exact.digits[quantity.kind][0]
        place = 0 if quantity.layer is None else len(digits) - 1 - case.depth + quantity.layer
        if digits[place] != UNKNOWN:
            found.values[quantity], found.digits[quantity] = value, int(digits[place])
    return found


def exact_stack(stack: Stack) -> ExactStack | None:
    """The same for all networks of a stack; None where it can be seen at once that nothing is exact."""
    rational = (stack.loss == LOSS_KINDS.index("squared_error")) & np.isin(stack.activations, RATIONAL).all(axis=1)
    networks = np.flatnonzero(rational)
    if not networks.size:
        return None
    S, L = len(stack.cases), stack.depth
    values = {kind: np.zeros(int(stack.sizes[kind].sum())) for kind in KINDS}
    known = {kind: np.zeros(len(line), bool) for kind, line in values.items()}
    places = {"output": L + 1, "loss": 1}
    digits = {kind: np.full((S, places.get(kind, L)), UNKNOWN) for kind in KINDS}
    dtype, given = stack.cases[0].dtype, stack.lines
    precision = Precision(2.0 ** DIGITS[dtype], SMALLEST_QUANTUM[dtype])
    lines = {kind: Line(values[kind], known[kind], digits[kind], stack.layouts[kind]) for kind in KINDS}
    with np.errstate(all="ignore"):
        _passes(
            precision,
            networks,
            given,
            stack.layouts["x"],
            stack.layouts["y"],
            stack.depths,
            stack.activations,
            stack.scale,
            *(lines[kind] for kind in KINDS[:4]),
        )
        _steps(precision, networks, given.weights, given.step_weights, stack.learning_rate, lines["step_W"])
        _steps(precision, networks, given.biases, given.step_biases, stack.learning_rate, lines["step_b"])
    return ExactStack(networks, values, known, digits)


class Precision(NamedTuple):
    """2 to the power of the binary digits of a dtype, and the smallest quantum that it has all of them above."""

    numbers: float
    smallest_quantum: float


class Line(NamedTuple):
    """What is found of a kind: the numbers, which of them are exact, the digits of each array, and where it is."""

    values: Array
    known: Array
    digits: Array
    layout: Layout


@inner
def _array_of(line: Array, layout: Layout, s: int, t: int) -> Array:
    """Array t of network s in a line."""
    start, rows, columns = layout.starts[s, t], layout.rows[s, t], layout.columns[s, t]
    return line[start : start + rows * columns].reshape((rows, columns))


@inner
def _quantum(array: Array) -> float:
    """The largest power of two up to 1 that divides all entries of an array (_, _)."""
    power = 1.0
    for i in range(len(array)):
        power = common_power(power, array[i])
    return power


@inner
def _largest(array: Array) -> float:
    """The largest absolute value of the entries of an array (_, _)."""
    largest = 0.0
    for i in range(array.shape[0]):
        for j in range(array.shape[1]):
            largest = max(largest, abs(array[i, j]))
    return largest


@inner
def _digits(precision: Precision, so_far: int, largest: float, quantum: float) -> int:
    """The digits needed so far and for sums of multiples of a quantum, the terms adding up to `largest` at most.

    What float64 makes of a sum that it does not have the digits for is too large as well.
    """
    needed = largest / quantum
    if so_far == UNKNOWN or not needed < precision.numbers or quantum < precision.smallest_quantum:
        return UNKNOWN
    return max(so_far, math.frexp(needed)[1])


@inner
def _product(a: Array, W: Array, b: Array, product: Array) -> float:
    """a W^T + b, of which a and W are rows; and what the terms of an entry add up to at most."""
    largest = 0.0
    for s in range(len(a)):
        for j in range(len(W)):
            value, size = b[j], abs(b[j])
            for i in range(a.shape[1]):
                value += a[s, i] * W[j, i]
                size += abs(a[s, i] * W[j, i])
            product[s, j] = value
            largest = max(largest, size)
    return largest


@inner
def _keep(line: Line, s: int, t: int, digits: int, array: Array) -> None:
    """Note an array, as far as it is there, where it is exact."""
    line.digits[s, t] = digits
    if digits != UNKNOWN:
        layout = line.layout
        start, rows, columns = layout.starts[s, t], layout.rows[s, t], layout.columns[s, t]
        for i in range(rows):
            for j in range(columns):
                line.values[start + j] = array[i, j]
                line.known[start + j] = True
            start += columns


@Compiled
def _passes(
    precision: Precision,
    networks: Array,
    given: Lines,
    inputs: Layout,
    labels: Layout,
    depths: Array,
    activations: Array,
    scales: Array,
    output: Line,
    loss: Line,
    dW: Line,
    db: Line,
) -> None:
    """Forward through the layers, the loss, and back; once something may round, nothing that depends on it is known."""
    L, K, N = activations.shape[1], output.layout.columns.max(), inputs.rows.max()
    nothing = np.zeros(max(K, N))
    a, delta, before, difference = np.empty((L + 1, N, K)), np.empty((N, K)), np.empty((N, K)), np.empty((N, K))
    dW_layer, db_layer, of_network = np.empty((K, K)), np.empty((1, K)), np.empty((1, 1))
    for s in networks:
        n, first = inputs.rows[s, 0], L - depths[s]
        x = _array_of(given.x, inputs, s, 0)
        for i in range(n):
            for j in range(x.shape[1]):
                a[first, i, j] = x[i, j]
        digits = _digits(precision, 0, _largest(x), _quantum(x))
        for t in range(first, L):
            W, b = _array_of(given.weights, dW.layout, s, t), _array_of(given.biases, db.layout, s, t)
            k, received = W.shape
            z = a[t + 1, :n, :k]
            quantum = min(_quantum(a[t, :n, :received]) * _quantum(W), _quantum(b))
            digits = _digits(precision, digits, _product(a[t, :n, :received], W, b[0], z), quantum)
            if activations[s, t] == RELU:
                for i in range(n):
                    for j in range(k):
                        z[i, j] = max(z[i, j], 0.0)
            _keep(output, s, t + 1, digits, z)
            if digits == UNKNOWN:
                break
        if digits == UNKNOWN:
            continue
        y, c = _array_of(given.y, labels, s, 0), scales[s]
        k = y.shape[1]
        p = a[L, :n, :k]
        digits = _digits(precision, digits, _largest(p) + _largest(y), min(_quantum(p), _quantum(y)))
        if not is_power_of_two(c) or c < precision.smallest_quantum:
            digits = UNKNOWN  # multiplying by the loss's scale rounds, wherever that is done
        total = 0.0
        for i in range(n):
            for j in range(k):
                difference[i, j] = p[i, j] - y[i, j]
                total += difference[i, j] ** 2
                delta[i, j] = difference[i, j] * (2 * c)
        of_loss = _digits(precision, digits, total, _quantum(difference[:n, :k]) ** 2)
        of_network[0, 0] = total * c
        _keep(loss, s, 0, of_loss, of_network)
        for t in range(L - 1, first - 1, -1):
            if digits == UNKNOWN:
                break
            W = _array_of(given.weights, dW.layout, s, t)
            k, received = W.shape
            arrived, d = a[t, :n, :received], delta[:n, :k]
            if activations[s, t] == RELU:
                for i in range(n):
                    for j in range(k):
                        d[i, j] = d[i, j] if a[t + 1, i, j] > 0 else 0.0
            quantum = _quantum(d)
            of_matrix = _product(d.T, arrived.T, nothing, dW_layer)
            of_matrix_digits = _digits(precision, digits, of_matrix, quantum * _quantum(arrived))
            _keep(dW, s, t, of_matrix_digits, dW_layer)
            largest = 0.0
            for j in range(k):
                size, db_layer[0, j] = 0.0, 0.0
                for i in range(n):
                    db_layer[0, j] += d[i, j]
                    size += abs(d[i, j])
                largest = max(largest, size)
            of_vector = _digits(precision, digits, largest, quantum)
            _keep(db, s, t, of_vector, db_layer)
            largest = _product(d, W.T, nothing, before)
            digits = _digits(precision, digits, largest, quantum * _quantum(W))
            for i in range(n):
                for j in range(received):
                    delta[i, j] = before[i, j]


@Compiled
def _steps(precision: Precision, networks: Array, w: Array, g: Array, rates: Array, line: Line) -> None:
    """w - alpha g."""
    layout = line.layout
    for s in networks:
        alpha = rates[s]
        for t in range(layout.starts.shape[1]):
            if layout.rows[s, t] == 0:
                continue
            at, gradient = _array_of(w, layout, s, t), _array_of(g, layout, s, t)
            of_change = _quantum(gradient) * common_power(1.0, rates[s : s + 1])
            largest, stepped = 0.0, np.empty(at.shape)
            for i in range(layout.rows[s, t]):
                for j in range(layout.columns[s, t]):
                    change = alpha * gradient[i, j]
                    largest = max(largest, abs(at[i, j]) + abs(change))
                    stepped[i, j] = at[i, j] - change
            digits = _digits(precision, 0, largest, min(_quantum(at), of_change))
            _keep(line, s, t, digits, stepped)
