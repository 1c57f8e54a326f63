"""What an honest evaluation in floating point may do wrong, operation by operation.

An honest evaluation rounds every result as the standard model says, fl(a op b) = (a op b)(1 + d) with |d| <= u, takes
sums in any order, and evaluates elementary functions to a few units of u. Results below the smallest normal number
may be flushed to zero, as XLA does on CPUs: each operation also has an absolute error of up to that number. Where
underflow is known to be gradual, it is half of the smallest number instead.

Matrix products may have an arithmetic of their own: hardware rounds their factors before it multiplies them (TF32), and
adds products up in more digits than it stores (bfloat16, float16). So three roundoffs are told apart.

The constants of the elementary functions are relative errors in units of u. Each is twice the largest error in ulps
that was measured, which a relative error never exceeds, rounded up to leave a margin. Measured on every float32
number, and on 200,000 float64 numbers a region, for NumPy 2.4.6, PyTorch 2.13.0 and JAX 0.10.2;
`tests/oracles/test_arithmetic.py` measures again. For comparison: Gladman, Innocente, Mather and Zimmermann,
"Accuracy of mathematical functions in single, double, double extended, and quadruple precision", hal-03141101.
Those of bfloat16 and float16 are derived: all three libraries work them out in float32 and round once, by u and a
little. The same test tries every number of the two types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from backproof.reference_impl.contract import Array


@dataclass(frozen=True)
class Arithmetic:
    """The floating-point arithmetic of a library and a dtype.

    unit_roundoff: u, half the distance from 1 to the next number. smallest_normal, largest: of the dtype.
    operand_roundoff: of the factors of a matrix product, before they are multiplied. accumulation_roundoff: of adding
    its products up; None where that is u. exp, tanh, log: bounds on the relative error of the elementary functions, in
    units of u.
    underflow: the absolute error of a result that is not normal; None where that may be anything up to
    smallest_normal. answer_roundoff: of an answer that is worked out more finely and rounded in the end. flushes:
    whether numbers that are too small to be normal are taken for 0, as by XLA on a CPU.
    lenient: activations and logarithms need only be accurate to 8u absolutely, as in a sigmoid written
    0.5 (1 + tanh(z/2)), which is off by 1e8 ulps for z << 0 and yet a correct answer to an exercise.
    of_prediction: the part of its own error that the prediction has which the loss is asked about, besides a rounding.
    That is 1 where it computes the prediction, and little where somebody gives it who computes more finely.
    """

    name: str
    unit_roundoff: float
    smallest_normal: float
    largest: float
    exp: float
    tanh: float
    log: float
    lenient: bool = False
    operand_roundoff: float = 0.0
    accumulation_roundoff: float | None = None
    underflow: float | None = None
    answer_roundoff: float = 0.0
    flushes: bool = False
    of_prediction: float = 1.0

    @property
    def unnamed(self) -> Arithmetic:
        """The same without its name: what counts for bounds."""
        return replace(self, name="")

    @property
    def accumulation(self) -> float:
        """The roundoff of adding products up."""
        return self.unit_roundoff if self.accumulation_roundoff is None else self.accumulation_roundoff

    def with_answer(self, allowed: Array, answer: Array, own: Array) -> Array:
        """What an answer may be off by, where its computation may be off by `allowed`.

        own: the bound of what it is compared with, in float64 or coarser. Where that is 0, the exact value is a number
        of the precision, and rounding leaves it as it is.
        """
        if not self.answer_roundoff:
            return allowed
        return allowed + np.where(own > 0, self.answer_roundoff * np.abs(answer), 0.0)

    @property
    def tiny(self) -> float:
        """The absolute error that every operation has for underflow."""
        return self.smallest_normal if self.underflow is None else self.underflow


def alike(arithmetics: Sequence[Arithmetic]) -> tuple[list[Arithmetic], list[int]]:
    """For arithmetics of one precision one that may do wrong whatever any of them may; and which of those each has."""
    groups: dict[tuple[float, ...], list[Arithmetic]] = {}
    for one in arithmetics:
        groups.setdefault(_precision(one), []).append(one)
    return list(map(_widest, groups.values())), [list(groups).index(_precision(one)) for one in arithmetics]


def _precision(one: Arithmetic) -> tuple[float, ...]:
    return one.unit_roundoff, one.operand_roundoff, one.accumulation, one.lenient, one.of_prediction


def _widest(arithmetics: Sequence[Arithmetic]) -> Arithmetic:
    return replace(
        arithmetics[0],
        name="",
        smallest_normal=max(one.smallest_normal for one in arithmetics),
        largest=min(one.largest for one in arithmetics),
        exp=max(one.exp for one in arithmetics),
        tanh=max(one.tanh for one in arithmetics),
        log=max(one.log for one in arithmetics),
        underflow=max(one.tiny for one in arithmetics),
    )


def _arithmetic(library: str, dtype: str, *, exp: float, tanh: float, log: float) -> Arithmetic:
    info = np.finfo(dtype)
    return Arithmetic(
        name=f"{library} {dtype}",
        unit_roundoff=float(info.eps) / 2,
        smallest_normal=float(info.smallest_normal),
        largest=float(info.max),
        exp=exp,
        tanh=tanh,
        log=log,
    )


def _half(library: str, dtype: str) -> Arithmetic:
    """A type of 16 bits, every operation on which is worked out in float32: products are added up there too."""
    digits, smallest_normal, largest = HALVES[dtype]
    return Arithmetic(
        name=f"{library} {dtype}",
        unit_roundoff=2.0**-digits,
        smallest_normal=smallest_normal,
        largest=largest,
        exp=1.1,
        tanh=1.1,
        log=1.1,
        accumulation_roundoff=2.0**-24,
        underflow=2.0**-25 if dtype == "float16" else None,
    )


# Digits, smallest normal number, largest. float16 underflows gradually: its subnormal numbers are normal in float32.
HALVES = {"bfloat16": (8, 2.0**-126, (2 - 2.0**-7) * 2.0**127), "float16": (11, 2.0**-14, 65504.0)}

NUMPY = {
    "float64": _arithmetic("numpy", "float64", exp=2, tanh=3, log=2),
    "float32": _arithmetic("numpy", "float32", exp=6, tanh=4, log=8),
    "float16": _half("numpy", "float16"),
}
TORCH = {
    "float64": _arithmetic("torch", "float64", exp=2, tanh=3, log=2),
    "float32": _arithmetic("torch", "float32", exp=2, tanh=2, log=3),
    "bfloat16": _half("torch", "bfloat16"),
    "float16": _half("torch", "float16"),
}
JAX = {
    dtype: replace(arithmetic, flushes=True)
    for dtype, arithmetic in {
        "float64": _arithmetic("jax", "float64", exp=4, tanh=14, log=3),
        "float32": _arithmetic("jax", "float32", exp=12, tanh=10, log=3),
        "bfloat16": _half("jax", "bfloat16"),
        "float16": _half("jax", "float16"),
    }.items()
}

# Exact values, rounded to float64: what is enclosed in balls is off by far less than this.
CERTIFIED = Arithmetic(
    "certified",
    unit_roundoff=2.0**-106,
    smallest_normal=5e-324,
    largest=float(np.finfo(np.float64).max),
    exp=1,
    tanh=1,
    log=1,
    answer_roundoff=2.0**-53,
)

# On CUDA devices, from NVIDIA's documentation: the CUDA C++ Programming Guide gives exp, tanh and log 1 or 2 ulps.
# Tensor cores truncate as they add up (Fasi, Higham, Mikaitis and Pranesh, "Numerical behavior of NVIDIA tensor cores",
# PeerJ Computer Science 7, 2021), TensorFloat-32 rounds factors to 11 bits before, and PyTorch lets products of 16-bit
# types be added up in 16 bits.
CUDA = {dtype: _arithmetic("cuda", dtype, exp=4, tanh=4, log=4) for dtype in ("float64", "float32")} | {
    dtype: replace(_half("cuda", dtype), accumulation_roundoff=None) for dtype in HALVES
}
CUDA["tf32"] = replace(
    CUDA["float32"], name="cuda float32 by TF32", operand_roundoff=2.0**-11, accumulation_roundoff=2.0**-23
)
