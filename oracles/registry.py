"""The oracles by name, imported only when asked for: PyTorch and JAX take seconds to load."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Protocol

from backproof.oracles.bounds import Arithmetic
from backproof.oracles.case import Answer, Case
from backproof.oracles.stack import Flat, Stack


class Oracle(Protocol):
    """Something that knows what is right, up to the bounds of its arithmetic."""

    name: str

    @property
    def arithmetic(self) -> Arithmetic:
        """What it rounds to, for the bounds."""

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case: the case's quantities in their order, as float64 arrays."""

    def flat(self, stack: Stack) -> Flat:
        """The same for a stack, without padding."""


# Name, where it is, and the package that it needs.
ORACLES = {
    "torch": ("backproof.oracles.torch_oracle", "TorchOracle", "torch"),
    "jax": ("backproof.oracles.jax_oracle", "JaxOracle", "jax"),
    "complex-step": ("backproof.oracles.complex_step_oracle", "ComplexStepOracle", "numpy"),
    "certified": ("backproof.oracles.certified", "CertifiedOracle", "flint"),
}


def load_oracle(name: str) -> Oracle:
    """The oracle of that name.

    Raises ValueError for an unknown name, ImportError where its package is not installed, and RuntimeError, with a
    sentence that says why, where it cannot work on this machine.
    """
    if name not in ORACLES:
        raise ValueError(f"unknown oracle {name!r}; there are {', '.join(ORACLES)}")
    module, kind, _ = ORACLES[name]
    oracle: Oracle = getattr(importlib.import_module(module), kind)()
    return oracle
