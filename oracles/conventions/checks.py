"""The catalogue against the frameworks that are installed: what no longer holds, and what nothing declares."""

from __future__ import annotations

from typing import NamedTuple

from backproof.oracles.conventions import Convention, Observation, conventions, matches
from backproof.oracles.conventions.evaluation import holds, observe
from backproof.oracles.conventions.sweep import Difference, differences
from backproof.oracles.jax_oracle import JaxOracle


class Outcome(NamedTuple):
    """What was looked at, and a sentence for everything that is not as declared."""

    observations: int
    probes: int
    differing: int
    failures: list[str]


def check() -> Outcome:
    """Run every observation, and the sweep.

    Raises RuntimeError where JAX refuses to compute in float64.
    """
    JaxOracle()  # keeps what is compiled, and refuses where it cannot work
    declared = conventions()
    probes, found = differences()
    failures = [sentence for convention in declared for sentence in broken(convention)]
    failures += undeclared(declared, found) + stale(declared, found)
    observations = sum(observation.applies() for one in declared for observation in one.observations)
    return Outcome(observations, probes, len(found), failures)


def broken(convention: Convention) -> list[str]:
    """The observations of a convention that no longer hold."""
    found = []
    for one in filter(Observation.applies, convention.observations):
        observed = observe(one.framework, one.code)
        if not holds(one.gives, observed):
            found.append(f"{convention.id}: in {one.framework}, {one.code} gives {observed}, should be {one.gives}")
    return found


def undeclared(declared: tuple[Convention, ...], found: list[Difference]) -> list[str]:
    """The differences that no convention declares."""
    return [
        f"nothing declares that the frameworks differ in {one.probe}: "
        + ", ".join(f"{framework} gives {value}" for framework, value in one.values.items())
        for one in found
        if not any(convention.declares(one.probe) for convention in declared if convention.applies())
    ]


def stale(declared: tuple[Convention, ...], found: list[Difference]) -> list[str]:
    """What conventions declare that no longer differs."""
    return [
        f"{convention.id} explains {pattern!r}, where the frameworks no longer differ"
        for convention in declared
        if convention.applies()
        for pattern in convention.explains
        if not any(matches(pattern, one.probe) for one in found)
    ]
