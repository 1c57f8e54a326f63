"""How far an array may be from the exact one: rounding errors followed through a network.

Two ways of following them. By affine arithmetic every rounding error is an unknown xi_p with |xi_p| <= m_p, kept in a
`Ledger`. To first order an array's error is sum_p J_p xi_p; J is carried along with its signs, so that where paths
through the network cancel, their errors do. What is left out is bounded by a rest. (De Figueiredo and Stolfi, "Affine
arithmetic: concepts and applications", Numerical Algorithms 37, 2004.) Componentwise, nothing is followed by itself:
all of an entry's error is in its rest. That takes a fraction of the time and bounds most networks as well; deep ones it
bounds more coarsely.

Shapes: A arithmetics are followed at once; S networks of n samples and k neurons, P rounding errors a sample. Rounding
errors of different samples are different unknowns, which is why the sample is an index of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from oracles.bounds.arithmetic import Arithmetic
from reference_impl.contract import Array

FLOAT64_ROUNDOFF = 2.0**-53

# The most roundings, each of u, that a relative error adds up to where `Ledger.relative` is still one formula.
MANY = 1024


@dataclass(frozen=True)
class Deviation:
    """How far an array (S, n, k) may be from the exact one.

    value (S, n, k): the array, in float64. linear (S, n, k, P): J, for the first P errors in the ledger, or None where
    errors are not followed. rest (A, S, n, k): what J leaves out. rounding (A, S, n, k): the array's own, fresh
    rounding error, not yet in the ledger. spread (A, S, n, k): sum_p |J_p| m_p. quantum (A, S, 1, 1): where the array
    is exact, a power of two that divides all its entries, else 0; or None where no array of the stack is exact.
    """

    value: Array
    linear: Array | None
    rest: Array
    rounding: Array | float
    spread: Array | float
    quantum: Array | None

    @cached_property
    def size(self) -> Array:
        """The largest distance from the exact array, (A, S, n, k)."""
        return self.rest if self.linear is None else self.spread + self.rest + self.rounding

    @cached_property
    def absolute(self) -> Array:
        """|value|."""
        return np.abs(self.value)

    @cached_property
    def magnitude(self) -> Array:
        """The largest absolute value of the array, exact or computed, (A, S, n, k)."""
        return self.absolute + self.size

    @cached_property
    def possible(self) -> Array:
        """1 where an entry, exact or computed, may differ from 0, else 0; (S, n, k)."""
        return ((self.value != 0) | self.size.any(axis=0)).astype(float)

    def of(self, networks: slice | Array) -> Deviation:
        """The same for some of the networks."""
        linear = None if self.linear is None else self.linear[networks]
        rounding, spread = (
            part if isinstance(part, float) else part[:, networks] for part in (self.rounding, self.spread)
        )
        quantum = None if self.quantum is None else self.quantum[:, networks]
        return Deviation(self.value[networks], linear, self.rest[:, networks], rounding, spread, quantum)

    def narrowed(self, k: int) -> Deviation:
        """The same without all but the first k neurons, where there are more."""
        if self.value.shape[-1] == k:
            return self
        linear = None if self.linear is None else self.linear[:, :, :k]
        rounding, spread = (part if isinstance(part, float) else part[..., :k] for part in (self.rounding, self.spread))
        return Deviation(self.value[..., :k], linear, self.rest[..., :k], rounding, spread, self.quantum)


def joined(parts: Sequence[tuple[slice | Array, Deviation]], networks: int) -> Deviation:
    """One deviation of so many networks, from those of parts of them, each with the networks' places."""
    if len(parts) == 1:
        return parts[0][1]

    def join(field: str, axis: int) -> Any:
        """Along the axis of the networks; what an array lacks of the others' sizes behind it is 0."""
        values = [getattr(deviation, field) for _, deviation in parts]
        shapes = [value.shape for value in values if isinstance(value, np.ndarray)]
        if not shapes:
            return values[0]
        behind = np.max([shape[axis + 1 :] for shape in shapes], axis=0)
        whole = np.zeros((*shapes[0][:axis], networks, *behind))
        for (places, _), value in zip(parts, values, strict=True):
            if isinstance(value, np.ndarray):
                whole[(slice(None),) * axis + (places, *map(slice, value.shape[axis + 1 :]))] = value
        return whole

    axes = {"value": 0, "linear": 0, "rest": 1, "rounding": 1, "spread": 1, "quantum": 1}
    return Deviation(**{field: join(field, axis) for field, axis in axes.items()})


class Ledger:
    """The bounds m_p of all rounding errors of a stack, for A arithmetics, and the rules for making new ones."""

    def __init__(self, arithmetics: Sequence[Arithmetic], shape: tuple[int, int], capacity: int | None) -> None:
        """shape: (S, n). capacity: of how many rounding errors a sample, or None to follow none."""

        def column(field: str) -> Array:
            return np.array([getattr(arithmetic, field) for arithmetic in arithmetics]).reshape(-1, 1, 1, 1)

        self.u = column("unit_roundoff")
        self.tiny = column("tiny")
        self.largest = column("largest")
        self.exp = column("exp")
        self.tanh = column("tanh")
        self.log = column("log")
        self.lenient = column("lenient")
        self._operand = column("operand_roundoff")
        self._accumulation = column("accumulation")
        self._plain_products = bool((self._operand == 0).all() and (self._accumulation == self.u).all())
        self._overflows_early = bool((self.largest < np.finfo(np.float64).max).any())
        self.follows = capacity is not None
        self._errors = np.zeros((len(arithmetics), *shape, capacity or 0))
        self._used = 0

    def of(self, networks: slice | Array) -> Ledger:
        """The ledger of some of the networks, to read."""
        part = copy.copy(self)
        part._errors = self._errors[:, networks]
        return part

    def exact(self, value: Array, quantum: Array | None) -> Deviation:
        """An input: there is nothing wrong with it."""
        zero = np.zeros((len(self.u), *value.shape))
        linear = np.zeros((*value.shape, 0)) if self.follows else None
        return Deviation(value, linear, zero, 0.0, 0.0, quantum)

    def deviation(
        self,
        value: Array,
        linear: Array | None,
        *,
        rest: Array,
        rounding: Array | float,
        spread: Array | float | None = None,
        quantum: Array | None = None,
    ) -> Deviation:
        """A deviation whose spread, unless it is given, is that of its J."""
        if linear is None:
            return Deviation(value, None, rest + rounding, 0.0, 0.0, quantum)
        return Deviation(value, linear, rest, rounding, self.spread(linear) if spread is None else spread, quantum)

    def relative(self, roundings: Array | float) -> Array:
        """What r roundings of factors and divisors do at most, relatively: r u / (1 - r u) (Higham, lemma 3.1)."""
        product = roundings * self.u
        return np.where(product < 1, product / (1 - product), np.inf)

    def few(self, roundings: float) -> Array:
        """The same in units of one rounding, for at most so many: no array is divided by."""
        return self.relative(roundings) / roundings

    def sum_error(self, magnitude: Array, terms: Array | int, quantum: Array | None) -> Array:
        """What rounding does to a sum of `terms` products in any order: at most terms * u * sum |products|.

        magnitude: that sum of absolute values; quantum: a power of two that divides every product, or 0. Multiples of
        one power of two are added without any error below 1/u times it. Past the largest number nothing can be said.
        """
        return self._unless_exact(terms * (self.u * magnitude + self.tiny), magnitude, self.u, quantum)

    def product_error(self, magnitude: Array, terms: Array, quantum: Array | None) -> Array:
        """What rounding does to an entry of a matrix product, and to a bias added to it; arguments as in `sum_error`.

        Both factors of each product may round first, by (1 + v)^2 - 1 with v the operands' roundoff. Products and
        additions round as they are accumulated. Where that is finer than u, the sum rounds again when it is stored, and
        once more with the bias. Blanchard, Higham, Lopez, Mary and Pranesh, "Mixed precision block fused multiply-add:
        error analysis and application to GPU tensor cores", SIAM J. Sci. Comput. 42, 2020.
        """
        if self._plain_products:
            return self.sum_error(magnitude, terms, quantum)
        operands = 2 * self._operand + self._operand**2
        largest = np.where(terms > 0, magnitude * (1 + operands), 0.0)
        added = terms * (self._accumulation * largest + self.tiny)
        stored = np.where(self._accumulation < self.u, (2 * self.u + self.u**2) * (largest + added), 0.0)
        error = operands * np.where(terms > 0, magnitude, 0.0) + added + stored
        return self._unless_exact(error, magnitude, np.maximum(self.u, self._operand), quantum)

    def _unless_exact(self, error: Array, magnitude: Array, u: Array, quantum: Array | None) -> Array:
        if quantum is not None:
            error = np.where(magnitude <= quantum / u, 0.0, error)
        return np.where(magnitude > self.largest, np.inf, error) if self._overflows_early else error

    def spread(self, linear: Array) -> Array:
        """sum_p |J_p| m_p, (A, S, n, k)."""
        S, _, _, errors = linear.shape
        bounds = self._errors[:, :S, :, :errors]
        return np.matmul(np.abs(linear), bounds.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)

    def total(self, slope: Array, p: Deviation) -> Array:
        """sum_p |sum_nk slope J_p| m_p over all samples and entries, (A, S): what J does to a sum over all of them."""
        if p.linear is None:
            return np.zeros((len(self.u), len(slope)))
        linear = np.matmul(slope[:, :, None, :], p.linear)[:, :, 0, :]
        return (np.abs(linear) * self._errors[:, : len(slope), :, : linear.shape[2]]).sum(axis=(2, 3))

    def settle(self, deviation: Deviation) -> Deviation:
        """The same deviation with its fresh rounding errors entered as unknowns of their own, one for each neuron."""
        if deviation.linear is None:
            return deviation
        if not np.any(deviation.rounding):
            return replace(deviation, rounding=0.0)
        S, n, k, errors = deviation.linear.shape
        start, self._used = self._used, self._used + k
        self._errors[:, :S, :, start : self._used] = deviation.rounding
        linear = np.zeros((S, n, k, self._used))
        linear[..., :errors] = deviation.linear
        linear[:, :, np.arange(k), np.arange(start, self._used)] = 1
        return replace(deviation, linear=linear, rounding=0.0, spread=deviation.spread + deviation.rounding)


def scaled(factor: Array, linear: Array | None) -> Array | None:
    """Each entry's J times the entry's factor (S, n, k)."""
    return None if linear is None else factor[..., None] * linear


def times(factor: Array, part: Array | float) -> Array | float:
    """A rounding or a spread times the entries' factors; where there is none, none."""
    return part if isinstance(part, float) else factor * part


def working_error(terms: int) -> float:
    """The relative error of J and the values it is taken at: sums of so many products, and products with slopes."""
    return (2 * terms + 8) * FLOAT64_ROUNDOFF


def largest_common_power(array: Array) -> Array:
    """The largest power of two that divides all entries of each of S arrays, (S, 1, 1); of zeros, float64's largest."""
    mantissas, exponents = np.frexp(array)
    whole = np.abs(mantissas * 2.0**53).astype(np.int64)
    lowest = np.ldexp((whole & -whole).astype(float), exponents - 53)
    powers = np.where(array == 0, 2.0**1023, lowest).reshape(len(array), -1).min(axis=1)
    return powers.reshape(-1, 1, 1)


def is_power_of_two(factor: Array) -> Array:
    """Where multiplying by the factor is exact."""
    return np.abs(np.frexp(factor)[0]) == 0.5


def common_quantum(a: Deviation, exact: Array) -> Array | None:
    """For each network a power of two that divides all entries of both arrays, or 0 where a is not exact."""
    return None if a.quantum is None else np.minimum(a.quantum, largest_common_power(exact))


def product_quantum(a: Deviation, exact: Array) -> Array | None:
    """For each network a power of two that divides all products of entries, or 0 where a is not exact."""
    return None if a.quantum is None else a.quantum * largest_common_power(exact)


def if_exact(quantum: Array | None, source: Deviation, rounding: Array) -> Array | None:
    """The quantum for the arithmetics in which neither the source nor the rounding is off, 0 for the others."""
    if quantum is None:
        return None
    wrong = source.size.any(axis=(2, 3), keepdims=True) | rounding.any(axis=(2, 3), keepdims=True)
    return np.where(wrong, 0.0, quantum)
