"""What an arithmetic's roundings do to sums and products, as single numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.compiling import inner

FLOAT64_ROUNDOFF = 2.0**-53

# Of numbers with more binary digits than this no product is exact, but for powers of two: not worth following.
FEW_DIGITS = 40


class Roundoff(NamedTuple):
    """What counts of an arithmetic. As NumPy's numbers, which give infinity where 1 / 0 is no error."""

    u: float
    tiny: float
    largest: float
    exp: float
    tanh: float
    log: float
    lenient: bool
    operand: float
    accumulation: float
    flushes: bool
    of_prediction: float

    @classmethod
    def of(cls, arithmetic: Arithmetic) -> Roundoff:
        """Of one arithmetic."""
        return cls(
            u=np.float64(arithmetic.unit_roundoff),
            tiny=np.float64(arithmetic.tiny),
            largest=np.float64(arithmetic.largest),
            exp=np.float64(arithmetic.exp),
            tanh=np.float64(arithmetic.tanh),
            log=np.float64(arithmetic.log),
            lenient=arithmetic.lenient,
            operand=np.float64(arithmetic.operand_roundoff),
            accumulation=np.float64(arithmetic.accumulation),
            flushes=arithmetic.flushes,
            of_prediction=np.float64(arithmetic.of_prediction),
        )


@inner
def where(condition: bool, this: float, that: float) -> float:
    """One of two numbers, both of which are worked out, so that it takes no branch."""
    return this if condition else that


@inner
def granted(r: Roundoff, error: float, absolutely: float) -> float:
    """The error that an elementary function may have; leniently at least so many units of roundoff absolutely."""
    return np.maximum(error, where(r.lenient, absolutely * r.u, 0.0))


@inner
def relative(u: float, roundings: float) -> float:
    """What r roundings of factors and divisors do at most, relatively: r u / (1 - r u) (Higham, lemma 3.1)."""
    product = roundings * u
    return where(product < 1, product / (1 - product), np.inf)


@inner
def products_error(r: Roundoff, magnitude: float, total: float, terms: float) -> float:
    """What rounding does to a sum of products that rounds as everything else does."""
    return rounded_products(r.u, magnitude, total, terms) + terms * r.tiny


@inner
def mixed_products_error(r: Roundoff, magnitude: float, total: float, terms: float) -> float:
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


@inner
def rounded_products(u: float, magnitude: float, total: float, terms: float) -> float:
    """What so many products and their additions do at most: less than terms * u * magnitude, and often half of it."""
    products = u * magnitude
    additions = additions_error(u, magnitude + products, total + products, np.maximum(terms - 1, 0))
    return np.minimum(products + additions, terms * products)


@inner
def additions_error(u: float, magnitude: float, total: float, additions: float) -> float:
    """What so many additions do at most: u for each, relative to what it gives.

    The last gives the total. All others give sums of some of the terms, and no such sum is larger than that of the
    positive or that of the negative terms, (magnitude + total) / 2 at most. What these are off by themselves, and what
    float64 puts the total off by, counts in the denominator.
    """
    total, product = np.minimum(total, magnitude), additions * u
    given = where(additions > 0, (additions - 1) * ((magnitude + total) / 2) + total, 0.0)
    return where(product < 0.5, u * given / (1 - 2 * product), np.inf)


@inner
def working_error(terms: int) -> float:
    """The relative error of J and the values it is taken at: sums of so many products, and products with slopes."""
    return (2 * terms + 8) * FLOAT64_ROUNDOFF
