"""How far an array may be from the exact one: rounding errors followed through a network.

By affine arithmetic every rounding error is an unknown xi_p with |xi_p| <= m_p, kept in a `Ledger`. To first order an
array's error is sum_p J_p xi_p; J is carried along with its signs, so that where paths through the network cancel,
their errors do. What is left out is bounded by a rest. (De Figueiredo and Stolfi, "Affine arithmetic: concepts and
applications", Numerical Algorithms 37, 2004.)

Shapes: A arithmetics are followed at once; S networks of N samples and K neurons, P rounding errors a sample. Rounding
errors of different samples are different unknowns, which is why the sample is an index of its own. The F entries that
there really are stand in a line; for matrix products they are padded (`oracles.bounds.entries`).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.bounds.entries import Entries
from backproof.reference_impl.contract import Array

FLOAT64_ROUNDOFF = 2.0**-53

# Of numbers with more binary digits than this no product is exact, but for powers of two: not worth following.
FEW_DIGITS = 40


# Arrays; or single numbers, where a formula is compiled for one entry at a time.
Numbers: TypeAlias = Any


class Roundoff(NamedTuple):
    """What counts of an arithmetic; of several arithmetics, in columns (A, 1)."""

    u: Numbers
    tiny: Numbers
    largest: Numbers
    exp: Numbers
    tanh: Numbers
    log: Numbers
    lenient: Numbers
    operand: Numbers
    accumulation: Numbers

    @classmethod
    def of(cls, arithmetic: Arithmetic) -> Roundoff:
        """Of one arithmetic."""
        return cls(
            u=float(arithmetic.unit_roundoff),
            tiny=float(arithmetic.tiny),
            largest=float(arithmetic.largest),
            exp=float(arithmetic.exp),
            tanh=float(arithmetic.tanh),
            log=float(arithmetic.log),
            lenient=arithmetic.lenient,
            operand=float(arithmetic.operand_roundoff),
            accumulation=float(arithmetic.accumulation),
        )


@dataclass(frozen=True)
class Deviation:
    """How far the entries of an array may be from the exact ones.

    value (F,): the array, in float64. linear (F, P): J, for the first P errors in the ledger. rest (A, F): what J
    leaves out. rounding (A, F): the array's own, fresh rounding error, not yet in the ledger. spread (A, F): sum_p
    |J_p| m_p. quantum (A, S): where a network's entries are exact, a power of two that divides all of them, else 0; or
    None where no array of the stack is exact.
    """

    value: Array
    linear: Array
    rest: Array
    rounding: Array | float = 0.0
    spread: Array | float = 0.0
    quantum: Array | None = None

    @cached_property
    def size(self) -> Array:
        """The largest distance from the exact array, (A, F)."""
        return self.spread + self.rest + self.rounding

    @cached_property
    def absolute(self) -> Array:
        """|value|."""
        return np.abs(self.value)

    def of(self, chosen: Array) -> Deviation:
        """The same for some of the entries; what concerns whole networks is left out."""
        rounding, spread = (
            part if isinstance(part, float) else part[:, chosen] for part in (self.rounding, self.spread)
        )
        return Deviation(self.value[chosen], self.linear[chosen], self.rest[:, chosen], rounding, spread)


def joined(parts: Sequence[tuple[Array | slice, Deviation]], entries: int) -> Deviation:
    """One deviation of so many entries, from those of parts of them, each with the entries' places."""
    if len(parts) == 1:
        return replace(parts[0][1], quantum=None)
    first = parts[0][1]
    value, linear, rest = (
        np.empty(entries),
        np.empty((entries, first.linear.shape[1])),
        np.empty((len(first.rest), entries)),
    )
    rounding, spread = np.empty_like(rest), np.empty_like(rest)
    for places, part in parts:
        value[places], linear[places], rest[:, places] = part.value, part.linear, part.rest
        rounding[:, places], spread[:, places] = part.rounding, part.spread
    return Deviation(value, linear, rest, rounding, spread)


@dataclass(frozen=True)
class Factor:
    """A deviation as a factor of matrix products: padded, its rounding errors entered.

    value, absolute (S, N, K): the array, and |value|. size (A, S, N, K): the largest distance from the exact array, and
    rest, the part of it that J leaves out. linear (S, N, K, P) and quantum (A, S): as in `Deviation`.
    """

    value: Array
    linear: Array
    rest: Array
    size: Array
    quantum: Array | None

    @cached_property
    def absolute(self) -> Array:
        """|value|."""
        return np.abs(self.value)

    @cached_property
    def magnitude(self) -> Array:
        """The largest absolute value of the array, exact or computed, (A, S, N, K)."""
        return self.absolute + self.size

    @cached_property
    def possible(self) -> Array:
        """1 where an entry, exact or computed, may differ from 0, else 0; (S, N, K)."""
        return ((self.value != 0) | self.size.any(axis=0)).astype(float)

    @cached_property
    def wrong(self) -> Array:
        """Whether any entry of a network may be off, (A, S)."""
        return np.asarray(self.size.any(axis=(2, 3)))

    def of(self, networks: int) -> Factor:
        """The same for the first networks."""
        return Factor(
            self.value[:networks],
            self.linear[:networks],
            self.rest[:, :networks],
            self.size[:, :networks],
            None if self.quantum is None else self.quantum[:, :networks],
        )


class Ledger:
    """The bounds m_p of all rounding errors of a stack, for A arithmetics, and the rules for making new ones."""

    def __init__(self, arithmetics: Sequence[Arithmetic], shape: tuple[int, int], capacity: int) -> None:
        """shape: (S, N). capacity: of how many rounding errors a sample."""
        columns = zip(*map(Roundoff.of, arithmetics), strict=True)
        self.roundoff = Roundoff(*(np.array(column).reshape(-1, 1) for column in columns))
        self.u, self.tiny, self.largest = self.roundoff[:3]
        operand, accumulation = self.roundoff.operand, self.roundoff.accumulation
        self._plain_products = bool((operand == 0).all() and (accumulation == self.u).all())
        self._overflows_early = bool((self.largest < np.finfo(np.float64).max).any())
        self._errors = np.zeros((len(arithmetics), *shape, capacity))
        self._used = 0

    def of(self, networks: Array) -> Ledger:
        """The ledger of some of the networks, to read."""
        part = copy.copy(self)
        part._errors = self._errors[:, networks]
        return part

    def sum_error(self, magnitude: Array, total: Array, additions: Array, quantum: Array | None) -> Array:
        """What rounding does to a sum of terms in any order, with so many additions.

        magnitude: of the terms' absolute values. total: no less than the absolute value of the sum. quantum: a power of
        two that divides every term, or 0. Multiples of one power of two are added without any error below 1/u times it.
        Past the largest number nothing can be said.
        """
        error = additions_error(self.u, magnitude, total, additions) + additions * self.tiny
        return self._unless_exact(error, magnitude, self.u, quantum)

    def positive_sum_error(self, terms: Array, entries: Entries, quantum: Array | None) -> Array:
        """What rounding does to each network's sum of positive terms (A, F) in any order, and to its product with c.

        A term counts once for every addition that it takes part in. That is most often where the largest terms are
        added up first, and one of the others at a time. Forming c and multiplying by it rounds four times. quantum as
        in `sum_error`; returns (A, S).
        """
        number = entries.over_networks(np.add, (terms > 0).astype(float))
        rank = np.arange(terms.shape[1]) - entries.network_starts[entries.networks]
        part_in = np.maximum(number[:, entries.networks] - np.maximum(rank, 1), 0) + 4
        largest_first = np.array([line[np.lexsort((-line, entries.networks))] for line in terms])
        error = entries.over_networks(np.add, relative(self.u, part_in) * largest_first)
        error += np.where(number > 0, (number + 4) * self.tiny, 0.0)
        return self._unless_exact(error, entries.over_networks(np.add, terms), self.u, quantum)

    def product_error(self, magnitude: Array, total: Array, terms: Array, quantum: Array | None) -> Array:
        """What rounding does to an entry of a matrix product, and to a bias added to it; arguments as in `sum_error`.

        terms: products, and a bias.
        """
        if self._plain_products:
            error, u = products_error(self.roundoff, magnitude, total, terms), self.u
        else:
            error = mixed_products_error(self.roundoff, magnitude, total, terms)
            u = np.maximum(self.u, self.roundoff.operand)
        return self._unless_exact(error, magnitude, u, quantum)

    def exactly(self, magnitude: Array, quantum: Array | float, u: Array | None = None) -> Array:
        """Whether multiples of a quantum that are together no larger than the magnitude are added without any error.

        They have digits enough, and are normal numbers: what lies below the smallest of these may be lost.
        """
        enough = magnitude <= quantum / (self.u if u is None else u)
        return enough & (quantum > 0) & ((quantum >= self.tiny) | (magnitude == 0))

    def _unless_exact(self, error: Array, magnitude: Array, u: Array, quantum: Array | None) -> Array:
        if quantum is not None:
            error = np.where(self.exactly(magnitude, quantum, u), 0.0, error)
        return np.where(magnitude > self.largest, np.inf, error) if self._overflows_early else error

    def spread(self, linear: Array, entries: Entries) -> Array:
        """sum_p |J_p| m_p, (A, F)."""
        S, N, _ = entries.shape
        bounds = self._errors[:, :S, :N, : linear.shape[1]]
        padded = np.matmul(entries.padded_vectors(np.abs(linear)), bounds.transpose(1, 2, 3, 0))
        return entries.vectors_in_line(padded).T

    def total(self, slope: Array, p: Deviation, entries: Entries) -> Array:
        """sum_p |sum_f slope_f J_fp| m_p over all samples of a network, (A, S): what J does to a sum over entries."""
        by_row = np.abs(entries.sums_of_rows(slope[:, None] * p.linear))
        S, N, _ = entries.shape
        bounds = self._errors[:, :S, :N, : by_row.shape[1]].reshape(len(self.u), S * N, -1)[:, entries.row_samples]
        networks = entries.row_samples // N
        starts = np.searchsorted(networks, np.arange(S))
        return np.add.reduceat((by_row * bounds).sum(axis=2), starts, axis=1)

    def settle(self, deviation: Deviation, entries: Entries) -> Deviation:
        """The same deviation with its fresh rounding errors entered as unknowns of their own, one for each neuron."""
        if not np.any(deviation.rounding):
            return replace(deviation, rounding=0.0)
        S, N, K = entries.shape
        start, self._used = self._used, self._used + K
        self._errors[:, :S, :N, start : self._used] = entries.padded(np.asarray(deviation.rounding))
        linear = np.zeros((len(deviation.value), self._used))
        linear[:, : deviation.linear.shape[1]] = deviation.linear
        linear[np.arange(len(linear)), start + entries.neurons] = 1
        return replace(deviation, linear=linear, rounding=0.0, spread=deviation.spread + deviation.rounding)

    def factor(self, deviation: Deviation, entries: Entries) -> Factor:
        """A deviation without fresh rounding errors, padded."""
        return Factor(
            entries.padded(deviation.value),
            entries.padded_vectors(deviation.linear),
            entries.padded(deviation.rest),
            entries.padded(deviation.size),
            deviation.quantum,
        )

    def exact(self, value: Array, quantum: Array | None) -> Factor:
        """An input: there is nothing wrong with it."""
        zero = np.zeros((len(self.u), *value.shape))
        return Factor(value, np.zeros((*value.shape, 0)), zero, zero, quantum)


def where(condition: Numbers, this: Numbers, that: Numbers) -> Numbers:
    """`np.where`, under a name that can be compiled for single numbers as well."""
    return np.where(condition, this, that)


def relative(u: Numbers, roundings: Numbers) -> Numbers:
    """What r roundings of factors and divisors do at most, relatively: r u / (1 - r u) (Higham, lemma 3.1)."""
    product = roundings * u
    return where(product < 1, product / (1 - product), np.inf)


def products_error(r: Roundoff, magnitude: Numbers, total: Numbers, terms: Numbers) -> Numbers:
    """What rounding does to a sum of products that rounds as everything else does."""
    return rounded_products(r.u, magnitude, total, terms) + terms * r.tiny


def mixed_products_error(r: Roundoff, magnitude: Numbers, total: Numbers, terms: Numbers) -> Numbers:
    """What rounding does to a sum of products that has an arithmetic of its own.

    Both factors of each product may round first, by (1 + v)^2 - 1 with v the operands' roundoff. Products and additions
    round as they are accumulated. Where that is finer than u, the sum rounds again when it is stored, and once more
    with the bias. Blanchard, Higham, Lopez, Mary and Pranesh, "Mixed precision block fused multiply-add: error analysis
    and application to GPU tensor cores", SIAM J. Sci. Comput. 42, 2020.
    """
    operands = (2 * r.operand + r.operand**2) * where(terms > 0, magnitude, 0.0)
    largest = where(terms > 0, magnitude + operands, 0.0)
    added = rounded_products(r.accumulation, largest, total + operands, terms) + terms * r.tiny
    stored = where(r.accumulation < r.u, (2 * r.u + r.u**2) * (largest + added), 0.0)
    return operands + added + stored


def rounded_products(u: Numbers, magnitude: Numbers, total: Numbers, terms: Numbers) -> Numbers:
    """What so many products and their additions do at most: less than terms * u * magnitude, and often half of it."""
    products = u * magnitude
    additions = additions_error(u, magnitude + products, total + products, np.maximum(terms - 1, 0))
    return np.minimum(products + additions, terms * products)


def additions_error(u: Numbers, magnitude: Numbers, total: Numbers, additions: Numbers) -> Numbers:
    """What so many additions do at most: u for each, relative to what it gives.

    The last gives the total. All others give sums of some of the terms, and no such sum is larger than that of the
    positive or that of the negative terms, (magnitude + total) / 2 at most. What these are off by themselves, and what
    float64 puts the total off by, counts in the denominator.
    """
    total, product = np.minimum(total, magnitude), additions * u
    given = where(additions > 0, (additions - 1) * ((magnitude + total) / 2) + total, 0.0)
    return where(product < 0.5, u * given / (1 - 2 * product), np.inf)


def scaled(factor: Array, linear: Array) -> Array:
    """Each entry's J times the entry's factor (F,)."""
    return factor[:, None] * linear


def times(factor: Array, part: Array | float) -> Array | float:
    """A rounding or a spread times the entries' factors; where there is none, none."""
    return part if isinstance(part, float) else factor * part


def working_error(terms: int) -> float:
    """The relative error of J and the values it is taken at: sums of so many products, and products with slopes."""
    return (2 * terms + 8) * FLOAT64_ROUNDOFF


def largest_common_power(array: Array) -> Array:
    """The largest power of two that divides all entries of each of S arrays, (S,); of zeros, float64's largest."""
    mantissas, exponents = np.frexp(array)
    whole = np.abs(mantissas * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(float), exponents - 53)
    return np.where(array == 0, 2.0**1023, lowest).reshape(len(array), math.prod(array.shape[1:])).min(axis=1)


def common_power_of_some(array: Array, some: Array) -> Array:
    """The same for some of the arrays, and 0 for the others, (S,)."""
    power = np.zeros(len(array))
    power[some] = largest_common_power(array[some])
    return power


def have_few_digits(array: Array) -> Array:
    """Which of S arrays have numbers of few binary digits alone, (S,)."""
    bits = np.ascontiguousarray(array).reshape(len(array), math.prod(array.shape[1:])).view(np.int64)
    return np.bitwise_or.reduce(bits, axis=1) % (1 << (53 - FEW_DIGITS)) == 0


def is_power_of_two(factor: Array) -> Array:
    """Where multiplying by the factor is exact."""
    return np.abs(np.frexp(factor)[0]) == 0.5


def product_quantum(a: Factor, exact: Array) -> Array | None:
    """For each network a power of two that divides all products of entries, or 0 where a is not exact; (A, S)."""
    if a.quantum is None:
        return None
    return a.quantum * common_power_of_some(exact, np.asarray(a.quantum.any(axis=0)))


def if_exact(quantum: Array | None, wrong: Array, rounding: Array, entries: Entries) -> Array | None:
    """The quantum (A, S) where neither the source is wrong, (A, S), nor anything is rounded, (A, F); else 0."""
    if quantum is None:
        return None
    return np.where(wrong | entries.over_networks(np.logical_or, rounding != 0), 0.0, quantum)


def by_entry(quantum: Array | None, entries: Entries) -> Array | None:
    """For each entry the quantum of its network, (A, F)."""
    return None if quantum is None else quantum[:, entries.networks]
