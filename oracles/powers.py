"""Powers of two: which of them divide numbers, and which numbers are powers."""

from __future__ import annotations

import math

import numpy as np

from backproof.oracles.compiling import inner
from backproof.reference_impl.contract import Array


@inner
def common_power(most: float, line: Array) -> float:
    """The largest power of two up to the given one that divides all numbers in a line."""
    power = most
    for value in line:
        if value != 0 and np.isfinite(value):
            mantissa, exponent = math.frexp(value)
            whole = np.int64(abs(mantissa) * 2.0**53)
            power = min(power, math.ldexp(float(whole & -whole), exponent - 53))
    return power


@inner
def is_power_of_two(factor: float) -> bool:
    """Whether multiplying by the factor is exact."""
    return abs(math.frexp(factor)[0]) == 0.5
