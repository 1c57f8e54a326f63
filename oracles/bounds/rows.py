"""Rows of numbers and how far they may be off: what is kept of a network, and what one rounding or sum does to it.

Numba compiles what is here, and in `layers` and `outputs`, for `propagation`. Arrays are filled by loops, and not as
wholes: what NumPy's ways need takes Numba longer to compile than all the rest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.roundoff import (
    FEW_DIGITS,
    Roundoff,
    additions_error,
    mixed_products_error,
    products_error,
    relative,
)
from backproof.oracles.compiling import inner
from backproof.reference_impl.contract import Array


class Network(NamedTuple):
    """One network of L layers: its numbers in lines, layer by layer.

    widths (L + 1,), activations (L,): by their numbers. weights: W of each layer, row by row, turned: W^T. at_weights,
    at_biases (L,): where a layer's begin. full (L,): whether no entry of W is 0. weight_powers, bias_powers (L,): which
    power of two divides their entries. loss: its kind. scale: the loss's c.
    """

    widths: Array
    activations: Array
    weights: Array
    turned: Array
    biases: Array
    at_weights: Array
    at_biases: Array
    full: Array
    weight_powers: Array
    bias_powers: Array
    loss: int
    scale: float


class Rows(NamedTuple):
    """What a layer has for some samples, row by row (F,), and how far that may be from the exact rows.

    linear (F, P): J, for the unknowns that there are. spread: sum_p |J_p| m_p. rest: what J leaves out. rounding: the
    entries' own, fresh rounding errors, which are not among the unknowns.
    """

    value: Array
    spread: Array
    rest: Array
    rounding: Array
    linear: Array


class Sums(NamedTuple):
    """Sums of products for a row of entries: they, of absolute values, what their factors put them off by, and terms.

    terms: how many of the products need not be 0.
    """

    value: Array
    magnitude: Array
    off: Array
    terms: Array


class Work(NamedTuple):
    """Memory for the passes through one network of N samples.

    rows (L + 4, 4, F), linear (L + 4, F, P): of the z of each layer, of two layers' a, and of two deltas; used (L,):
    how many unknowns z has. m (P,), line (P,). a, a_size (L + 1, N K) and d, d_size (L, N K): values and sizes of x and
    all outputs, and of all deltas. terms (N K): the loss's. nothing (K,): zeros.
    """

    rows: Array
    linear: Array
    used: Array
    m: Array
    line: Array
    a: Array
    a_size: Array
    d: Array
    d_size: Array
    terms: Array
    nothing: Array
    sums: Sums


class Found(NamedTuple):
    """The bounds of one network: outputs, dW and db in lines; loss and undecided of one number each."""

    output: Array
    loss: Array
    of_weights: Array
    of_biases: Array
    undecided: Array


@inner
def rows_at(work: Work, at: int, entries: int) -> Rows:
    """One of those in memory."""
    rows = work.rows
    return Rows(
        rows[at, 0, :entries], rows[at, 1, :entries], rows[at, 2, :entries], rows[at, 3, :entries], work.linear[at]
    )


@inner
def row_of(rows: Rows, s: int, n: int) -> Rows:
    """Row s of n."""
    start, end = s * len(rows.value) // n, (s + 1) * len(rows.value) // n
    return Rows(
        rows.value[start:end], rows.spread[start:end], rows.rest[start:end], rows.rounding[start:end], rows.linear
    )


@inner
def size_of(row: Rows, j: int) -> float:
    """The largest distance from the exact entry."""
    return row.spread[j] + row.rest[j] + row.rounding[j]


@inner
def of_layer(line: Array, starts: Array, t: int, entries: int) -> Array:
    """What a layer has in a line."""
    return line[starts[t] : starts[t] + entries]


@inner
def clear(array: Array, entries: int) -> None:
    """Zeros for the first so many entries."""
    for i in range(entries):
        array[i] = 0.0


@inner
def clear_sums(sums: Sums, entries: int) -> None:
    """The same for sums of products."""
    clear(sums.value, entries)
    clear(sums.magnitude, entries)
    clear(sums.off, entries)
    clear(sums.terms, entries)


@inner
def few_digits(line: Array) -> bool:
    """Whether all numbers in a line have few binary digits: of others no product is exact, and none worth following."""
    for value in line:
        scaled = math.frexp(value)[0] * 2.0**FEW_DIGITS
        if scaled != math.floor(scaled):
            return False
    return True


@inner
def any_off(row: Rows) -> bool:
    """Whether any entry may be off."""
    off = False
    for j in range(len(row.value)):
        off = off or size_of(row, j) != 0
    return off


@inner
def settle(work: Work, row: Rows, used: int) -> int:
    """Make the fresh rounding errors and the rest unknowns; how many there are. Where none are followed, all is rest.

    Whatever the rest consists of, from here on its signs are kept. (By their absolute values, weights make it larger
    with every layer, and deep networks could not be bounded.)
    """
    k, follow = len(row.value), len(work.m) > 0
    for j in range(k):
        fresh = row.rounding[j] + row.rest[j]
        if follow and 0 < fresh < np.inf:
            work.m[used] = fresh
            for i in range(k):
                row.linear[i, used] = 0.0
            row.linear[j, used] = 1.0
            row.spread[j] += fresh
            row.rest[j] = 0.0
            used += 1
        else:
            row.rest[j] = fresh
        row.rounding[j] = 0.0
    return used


@inner
def spread(work: Work, row: Rows, used: int) -> None:
    """sum_p |J_p| m_p."""
    for j in range(len(row.value)):
        spread = 0.0
        for p in range(used):
            spread += abs(row.linear[j, p]) * work.m[p]
        row.spread[j] = spread


@inner
def exactly(r: Roundoff, u: float, magnitude: float, quantum: float) -> bool:
    """Whether multiples of a quantum that are together no larger than the magnitude are added without any error.

    They have digits enough, and are normal numbers: what lies below the smallest of these may be lost. Without a
    branch, so that it is worked out for several entries in one instruction.
    """
    return (quantum > 0) & (magnitude <= quantum / u) & ((quantum >= r.tiny) | (magnitude == 0))


@inner
def sum_error(r: Roundoff, magnitude: float, total: float, additions: float) -> float:
    """What rounding does to a sum of terms in any order, with so many additions.

    magnitude: of the terms' absolute values. total: no less than the absolute value of the sum. Past the largest number
    nothing can be said.
    """
    if magnitude > r.largest:
        return np.inf
    return additions_error(r.u, magnitude, total, additions) + additions * r.tiny


@inner
def product_errors(r: Roundoff, sums: Sums, quantum: float, errors: Array) -> None:
    """What rounding does to a matrix product, and to a bias added to it; terms: products, and the bias."""
    plain = r.operand == 0 and r.accumulation == r.u
    u = max(r.u, r.operand)
    for i in range(len(errors)):
        off, terms = sums.off[i], sums.terms[i]
        magnitude, total = sums.magnitude[i] + off, abs(sums.value[i]) + off
        if plain:
            error = products_error(r, magnitude, total, terms)
        else:
            error = mixed_products_error(r, magnitude, total, terms)
        error = 0.0 if exactly(r, u, magnitude, quantum) else error
        errors[i] = np.inf if magnitude > r.largest else error


@inner
def positive_sum_error(r: Roundoff, terms: Array, number: int) -> float:
    """What rounding does to a sum of so many positive terms in any order, and to its product with c.

    A term counts once for every addition that it takes part in. That is most often where the largest terms are added
    up first, and one of the others at a time. Forming c and multiplying by it rounds four times.
    """
    total, there = 0.0, 0.0
    for i in range(number):
        total += terms[i]
        there += 1.0 if terms[i] > 0 else 0.0
    if total > r.largest:
        return np.inf
    _sort(terms, number)
    error = (there + 4) * r.tiny if there > 0 else 0.0
    for rank in range(number):
        error += relative(r.u, max(there - max(rank, 1), 0.0) + 4) * terms[rank]
    return error


@inner
def _sort(line: Array, number: int) -> None:
    """Put the first so many numbers in order, the largest first (Shell's way, with Ciura's gaps)."""
    for gap in (1750, 701, 301, 132, 57, 23, 10, 4, 1):
        for i in range(gap, number):
            one, at = line[i], i
            while at >= gap and line[at - gap] < one:
                line[at] = line[at - gap]
                at -= gap
            line[at] = one


@inner
def scaled_linear(factor: float, a: Array, used: int, z: Array) -> None:
    """An entry's J, from that of another times a factor."""
    for p in range(used):
        z[p] = factor * a[p]
