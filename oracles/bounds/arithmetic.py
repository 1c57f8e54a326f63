"""What an honest evaluation in floating point may do wrong, operation by operation.

An honest evaluation rounds every result as the standard model says, fl(a op b) = (a op b)(1 + d) with |d| <= u, takes
sums in any order, and evaluates elementary functions to a few units of u. Results below the smallest normal number
may be flushed to zero, as XLA does on CPUs: each operation also has an absolute error of up to that number.

Matrix products may have an arithmetic of their own: hardware rounds their factors before it multiplies them (TF32), and
adds products up in more digits than it stores (bfloat16, float16). So three roundoffs are told apart.

The constants of the elementary functions are relative errors in units of u. Each is twice the largest error in ulps
that was measured, which a relative error never exceeds, rounded up to leave a margin. Measured on every float32
number, and on 200,000 float64 numbers a region, for NumPy 2.4.6, PyTorch 2.13.0 and JAX 0.10.2;
`tests/oracles/test_arithmetic.py` measures again. For comparison: Gladman, Innocente, Mather and Zimmermann,
"Accuracy of mathematical functions in single, double, double extended, and quadruple precision", hal-03141101.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Arithmetic:
    """The floating-point arithmetic of a library and a dtype.

    unit_roundoff: u, half the distance from 1 to the next number. smallest_normal, largest: of the dtype.
    operand_roundoff: of the factors of a matrix product, before they are multiplied. accumulation_roundoff: of adding
    its products up; None where that is u. exp, tanh, log: bounds on the relative error of the elementary functions, in
    units of u.
    lenient: activations and logarithms need only be accurate to 8u absolutely, as in a sigmoid written
    0.5 (1 + tanh(z/2)), which is off by 1e8 ulps for z << 0 and yet a correct answer to an exercise.
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

    @property
    def unnamed(self) -> Arithmetic:
        """The same without its name: what counts for bounds."""
        return replace(self, name="")

    @property
    def accumulation(self) -> float:
        """The roundoff of adding products up."""
        return self.unit_roundoff if self.accumulation_roundoff is None else self.accumulation_roundoff


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


NUMPY = {
    "float64": _arithmetic("numpy", "float64", exp=2, tanh=3, log=2),
    "float32": _arithmetic("numpy", "float32", exp=6, tanh=4, log=8),
}
TORCH = {
    "float64": _arithmetic("torch", "float64", exp=2, tanh=3, log=2),
    "float32": _arithmetic("torch", "float32", exp=2, tanh=2, log=3),
}
JAX = {
    "float64": _arithmetic("jax", "float64", exp=4, tanh=14, log=3),
    "float32": _arithmetic("jax", "float32", exp=12, tanh=10, log=3),
}
