"""What PyTorch and JAX make of a ReLU, depending on how it is written, and whom to ask."""

from __future__ import annotations

import importlib
from types import ModuleType

import msgspec
import numpy as np

from backproof.studies.claims.claim import Call, Claim, Measurement
from backproof.studies.claims.counterexamples import number
from backproof.studies.claims.equations import EQUATIONS, Bench, try_equation
from backproof.studies.claims.measured import SLOPE

AROUND_ZERO = np.array([-1.0, 0.0, 1.0])


def practices(bench: Bench) -> list[tuple[str, ModuleType]]:
    """What the frameworks among the witnesses offer people to call, by the framework's name."""
    names = [oracle.name for oracle in bench.oracles if oracle.name in ("torch", "jax")]
    return [(name, importlib.import_module(f"backproof.oracles.{name}_practice")) for name in names]


def try_relu_prime(bench: Bench) -> Claim:
    """The verdict on N6, with what the frameworks say at 0."""
    (equation,) = [equation for equation in EQUATIONS if equation.id == "N6"]
    claim = try_equation(equation, bench)
    calls, slopes = [], []
    for framework, practice in practices(bench):
        for call, slope in practice.relu_slopes(AROUND_ZERO).items():
            calls.append(Call(framework, call, f"g'(0) = {number(slope[1])}"))
            slopes += [
                Measurement(SLOPE, f"{framework}: {call}", at, value)
                for at, value in zip(AROUND_ZERO.tolist(), slope.tolist(), strict=True)
            ]
    return msgspec.structs.replace(
        claim, evidence=msgspec.structs.replace(claim.evidence, calls=calls, measurements=slopes)
    )
