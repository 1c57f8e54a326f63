"""Affine arithmetic: how far an array may be from the exact one, with rounding errors followed individually.

Every rounding error is an unknown xi_p with |xi_p| <= m_p, kept in a `Ledger`. To first order an array's error is
sum_p J_p xi_p; J is carried along with its signs, so that where paths through the network cancel, their errors do. What
is left out is bounded by a rest. (De Figueiredo and Stolfi, "Affine arithmetic: concepts and applications", Numerical
Algorithms 37, 2004.)

Shapes: A arithmetics are followed at once; n samples, k neurons, P rounding errors a sample. Rounding errors of
different samples are different unknowns, which is why the sample is an index of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from oracles.bounds.arithmetic import Arithmetic
from reference_impl.contract import Array

FLOAT64_ROUNDOFF = 2.0**-53


@dataclass(frozen=True)
class Deviation:
    """How far an array (n, k) may be from the exact one.

    value (n, k): the array, in float64. linear (n, k, P): J, for the first P errors in the ledger. rest (A, n, k): what
    J leaves out. rounding (A, n, k): the array's own, fresh rounding error, not yet in the ledger. spread (A, n, k):
    sum_p |J_p| m_p. quantum (A, 1, 1): where the array is exact, a power of two that divides all its entries; else 0.
    """

    value: Array
    linear: Array
    rest: Array
    rounding: Array
    spread: Array
    quantum: Array

    @cached_property
    def size(self) -> Array:
        """The largest distance from the exact array, (A, n, k)."""
        return self.spread + self.rest + self.rounding

    @cached_property
    def magnitude(self) -> Array:
        """The largest absolute value of the array, exact or computed, (A, n, k)."""
        return np.abs(self.value) + self.size

    @cached_property
    def possible(self) -> Array:
        """1 where an entry, exact or computed, may differ from 0, else 0; (n, k)."""
        return (self.magnitude > 0).any(axis=0).astype(float)


class Ledger:
    """The bounds m_p of all rounding errors of a case, for each of A arithmetics, and the rules for making new ones."""

    def __init__(self, arithmetics: Sequence[Arithmetic], n: int, capacity: int) -> None:
        def column(field: str) -> Array:
            return np.array([getattr(arithmetic, field) for arithmetic in arithmetics]).reshape(-1, 1, 1)

        self.u = column("unit_roundoff")
        self._operand = column("operand_roundoff")
        self._accumulation = column("accumulation")
        self.tiny = column("smallest_normal")
        self.largest = column("largest")
        self.exp = column("exp")
        self.tanh = column("tanh")
        self.log = column("log")
        self.lenient = column("lenient")
        self._errors = np.zeros((len(arithmetics), n, capacity))
        self._used = 0

    def exact(self, value: Array) -> Deviation:
        """An input: there is nothing wrong with it."""
        zero = np.zeros((len(self.u), *value.shape))
        quantum = np.full_like(self.u, largest_common_power(value))
        return Deviation(value, np.zeros((*value.shape, 0)), zero, zero, zero, quantum)

    def relative(self, roundings: Array | float) -> Array:
        """What r roundings of factors and divisors do at most, relatively: r u / (1 - r u) (Higham, lemma 3.1)."""
        product = roundings * self.u
        return np.where(product < 1, product / (1 - product), np.inf)

    def exactly(self, magnitude: Array, quantum: Array, u: Array | None = None) -> Array:
        """Whether multiples of a quantum that are together no larger than the magnitude are added without any error.

        They have digits enough, and are normal numbers: what lies below the smallest of these may be lost.
        """
        return (magnitude <= quantum / (self.u if u is None else u)) & ((quantum >= self.tiny) | (magnitude == 0))

    def sum_error(self, magnitude: Array, terms: Array | int, quantum: Array) -> Array:
        """What rounding does to a sum of `terms` products in any order: at most terms * u * sum |products|.

        magnitude: that sum of absolute values; quantum: a power of two that divides every product, or 0. Multiples of
        one power of two are added without any error below 1/u times it. Past the largest number nothing can be said.
        """
        error = terms * (self.u * magnitude + self.tiny)
        error = np.where(self.exactly(magnitude, quantum), 0.0, error)
        return np.where(magnitude > self.largest, np.inf, error)

    def product_error(self, magnitude: Array, terms: Array, quantum: Array) -> Array:
        """What rounding does to an entry of a matrix product, and to a bias added to it; arguments as in `sum_error`.

        Both factors of each product may round first, by (1 + v)^2 - 1 with v the operands' roundoff. Products and
        additions round as they are accumulated. Where that is finer than u, the sum rounds again when it is stored, and
        once more with the bias. Blanchard, Higham, Lopez, Mary and Pranesh, "Mixed precision block fused multiply-add:
        error analysis and application to GPU tensor cores", SIAM J. Sci. Comput. 42, 2020.
        """
        operands = 2 * self._operand + self._operand**2
        largest = np.where(terms > 0, magnitude * (1 + operands), 0.0)
        added = terms * (self._accumulation * largest + self.tiny)
        stored = np.where(self._accumulation < self.u, (2 * self.u + self.u**2) * (largest + added), 0.0)
        error = operands * np.where(terms > 0, magnitude, 0.0) + added + stored
        error = np.where(self.exactly(magnitude, quantum, np.maximum(self.u, self._operand)), 0.0, error)
        return np.where(magnitude > self.largest, np.inf, error)

    def spread(self, linear: Array) -> Array:
        """sum_p |J_p| m_p, (A, n, k)."""
        errors = self._errors[:, :, : linear.shape[2]]
        return np.matmul(np.abs(linear), errors.transpose(1, 2, 0)).transpose(2, 0, 1)

    def total(self, linear: Array) -> Array:
        """sum |J_p| m_p over the errors of all samples, (A,), for the J (n, P) of one number."""
        return (np.abs(linear) * self._errors[:, :, : linear.shape[1]]).sum(axis=(1, 2))

    def settle(self, deviation: Deviation) -> Deviation:
        """The same deviation with its fresh rounding errors entered as unknowns of their own, one for each neuron."""
        if not deviation.rounding.any():
            return deviation
        n, k, errors = deviation.linear.shape
        start, self._used = self._used, self._used + k
        self._errors[:, :, start : self._used] = deviation.rounding
        linear = np.zeros((n, k, self._used))
        linear[:, :, :errors] = deviation.linear
        linear[:, np.arange(k), np.arange(start, self._used)] = 1
        return replace(
            deviation,
            linear=linear,
            rounding=np.zeros_like(deviation.rounding),
            spread=deviation.spread + deviation.rounding,
        )


def working_error(terms: int) -> float:
    """The relative error of J and the values it is taken at: sums of so many products, and products with slopes."""
    return (2 * terms + 8) * FLOAT64_ROUNDOFF


def largest_common_power(array: Array) -> float:
    """The largest power of two that divides all entries; of zeros, the largest one that float64 holds."""
    mantissas, exponents = np.frexp(array[array != 0])
    if mantissas.size == 0:
        return 2.0**1023
    whole = np.abs(mantissas * 2.0**53).astype(np.int64)
    return float(np.ldexp((whole & -whole).astype(float), exponents - 53).min())


def is_power_of_two(factor: float) -> bool:
    """Whether multiplying by the factor is exact."""
    return bool(abs(np.frexp(factor)[0]) == 0.5)


def common_quantum(a: Deviation, exact: Array) -> Array:
    """A power of two that divides all entries of both arrays, or 0 where a is not exact."""
    return np.minimum(a.quantum, largest_common_power(exact)) if a.quantum.any() else a.quantum


def product_quantum(a: Deviation, exact: Array) -> Array:
    """A power of two that divides all products of entries of the two arrays, or 0 where a is not exact."""
    return a.quantum * largest_common_power(exact) if a.quantum.any() else a.quantum


def if_exact(quantum: Array, source: Deviation, rounding: Array) -> Array:
    """The quantum for the arithmetics in which neither the source nor the rounding is off, 0 for the others."""
    wrong = source.size.any(axis=(1, 2), keepdims=True) | rounding.any(axis=(1, 2), keepdims=True)
    return np.where(wrong, 0.0, quantum)
