"""JAX in every precision, compiled and operation by operation: not to judge by, but to be held against the truth.

The networks are the oracle's, padded to a few shapes (`oracles.jax_oracle`): an operation too is compiled for each
shape.
"""

from __future__ import annotations

from contextlib import nullcontext

import jax

from backproof.oracles.bounds import JAX
from backproof.oracles.jax_oracle import JaxOracle
from backproof.oracles.stack import Flat, Stack


class JaxBackend(JaxOracle):
    """Every quantity of a case by JAX, in one dtype, as one compiled function ("jit") or without it ("eager").

    The numbers of the cases are taken for numbers of the dtype. Raises RuntimeError where JAX refuses to compute in
    float64.
    """

    def __init__(self, dtype: str, way: str = "jit") -> None:
        super().__init__()
        self.name = f"jax-{way}"
        self.dtype = dtype
        self.arithmetic = JAX[dtype]
        self._way = way

    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack."""
        with jax.disable_jit() if self._way == "eager" else nullcontext():
            return super().flat(stack)
