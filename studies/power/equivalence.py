"""The mutants that are known to compute what the original does: listed with the reason, and checked."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import numpy as np

from backproof.oracles.case import DTYPES, Case
from backproof.oracles.comparison import Problem
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import load_oracle
from backproof.studies.power.mutation import Mutant, planted
from backproof.verification.campaign import DEFAULT_IMPLEMENTATION
from backproof.verification.implementation import load_implementation
from backproof.verification.probes import Probe, probe_all

# A listed mutant has to give the very same numbers on so many networks of profile `all`, in each dtype.
NETWORKS = 60

NAME = "equivalent_mutant"

# What else the package computes, outside the contract.
EXTRAS: dict[str, Callable[[Any, Case], Any]] = {
    "softmax_jacobian": lambda package, case: package.softmax_jacobian(case.x),
    "loss_gradient": lambda package, case: package.losses.loss_gradient(case.y / 2 + 0.2, case.y, case.loss),
    "weighted_loss_gradient": lambda package, case: package.losses.weighted_loss_gradient(
        case.y / 2 + 0.2, case.y, case.loss
    ),
}


def listed() -> dict[str, str]:
    """The reasons in equivalent.toml, by the mutants' names."""
    text = (files("backproof.studies.power") / "equivalent.toml").read_text(encoding="utf-8")
    return {entry["mutant"]: entry["reason"] for entry in tomllib.loads(text)["equivalent"]}


def differences(mutants: Iterable[Mutant]) -> dict[Mutant, str]:
    """Where a mutant gives another number than the original, for those that do."""
    drawn = [draw_case(0, number) for number in range(NETWORKS)]
    oracle = load_oracle("complex-step")
    probes = [probe for dtype in DTYPES for probe in probe_all([case.cast(dtype) for case in drawn], oracle)]
    found = {}
    for mutant in mutants:
        with planted(mutant, NAME):
            place = next((place for probe in probes if (place := _difference(probe))), "")
        if place:
            found[mutant] = place
    return found


def _difference(probe: Probe) -> str:
    """The first quantity of a network in which the planted mutant differs from the original."""
    ours, theirs = (probe.ask(load_implementation(name)) for name in (DEFAULT_IMPLEMENTATION, NAME))
    for quantity, value in ours.items():
        other = theirs[quantity]
        if isinstance(other, Problem) or not np.array_equal(value, other, equal_nan=True):
            return f"{quantity} of {probe.case.name} in {probe.case.dtype}"
    packages = [sys.modules[name] for name in (DEFAULT_IMPLEMENTATION, NAME)]
    for name, extra in EXTRAS.items():
        with np.errstate(all="ignore"):
            ours, theirs = (extra(package, probe.case) for package in packages)
        if not np.array_equal(ours, theirs, equal_nan=True):
            return f"{name} of {probe.case.name} in {probe.case.dtype}"
    return ""
