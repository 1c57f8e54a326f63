"""What the comparison catches, and after how many networks; and what the usual tolerances catch of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.oracles.case import DTYPES
from backproof.oracles.comparison import Record
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import Oracle
from backproof.reference_impl.contract import Array
from backproof.studies.power.report import FloorOutcome
from backproof.studies.usual import USUAL, usually_caught
from backproof.verification.document import finite
from backproof.verification.implementation import Implementation, as_implementation
from backproof.verification.probes import Probe, probe_all

# What this project's own comparison is called beside the usual tolerances.
DERIVED = "derived bounds"
METHODS = (DERIVED, *(tolerance.name for tolerance in USUAL))


class Specimen(NamedTuple):
    """A network in one dtype, and the methods that cannot tell anything on it: they reject a right implementation."""

    probe: Probe
    blind: frozenset[str]


def specimens(oracle: Oracle, networks: int, profile: str = "all", dtypes: Sequence[str] = DTYPES) -> list[Specimen]:
    """The first networks of a profile, each in every dtype in turn, as `backproof verify` judges them."""
    drawn = [draw_case(0, index, profile) for index in range(networks)]
    probes = [probe_all([case.cast(dtype) for case in drawn], oracle) for dtype in dtypes]
    textbook = as_implementation(Textbook())
    return [
        Specimen(probe, frozenset(rejected_by(probe, textbook)[0]))
        for network in zip(*probes, strict=True)
        for probe in network
    ]


def rejected_by(probe: Probe, implementation: Implementation) -> tuple[set[str], list[Record]]:
    """The methods that reject what an implementation gives, and what disagrees beyond the derived bounds."""
    got = probe.ask(implementation)
    methods = usually_caught(got, probe.expected, probe.case.dtype)
    wrong = [record for record in probe.records(got) if record.verdict == "disagrees"]
    return (methods | {DERIVED} if wrong else methods), wrong


@dataclass
class Detection:
    """How an implementation with something wrong fares.

    networks: how many there were. first: for each method the number of the first network on which it sees that, counted
    from 1; shown: on how many networks each does. quantity, dtype: where the derived bounds saw it first.
    """

    networks: int
    first: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    quantity: str = ""
    dtype: str = ""


def detect(implementation: Implementation, among: Iterable[Specimen], *, until_seen: bool = False) -> Detection:
    """Hold an implementation against one network after the other.

    until_seen: stop when every method has seen something; else go on, to count on how many networks each does.
    """
    numbers: dict[str, int] = {}
    seen: dict[str, set[int]] = {method: set() for method in METHODS}
    found = Detection(0)
    for probe, blind in among:
        number = numbers.setdefault(probe.case.name, len(numbers) + 1)
        methods, wrong = rejected_by(probe, implementation)
        if wrong and not found.quantity:
            found.quantity, found.dtype = str(wrong[0].quantity), probe.case.dtype
        for method in methods - blind:
            found.first.setdefault(method, number)
            seen[method].add(number)
        if until_seen and len(found.first) == len(METHODS):
            break
    found.networks = len(numbers)
    found.shown = {method: len(those) for method, those in seen.items()}
    return found


EXPONENTS = tuple(range(3, 16))


def floors(oracle: Oracle, networks: int, profile: str, dtype: str) -> list[FloorOutcome]:
    """For each method, what of one gradient entry off by a little is seen; the entry is drawn anew on each network.

    Networks without a gradient that differs from 0 do not count. Where a method rejects the right value it can tell
    nothing, and no relative error is sure to be seen.
    """
    rng = np.random.default_rng(0)
    seen: dict[str, list[list[bool]]] = {method: [] for method in METHODS}
    certain: dict[str, list[float]] = {method: [] for method in METHODS}
    drawn = [draw_case(0, index, profile).cast(dtype) for index in range(networks)]
    for probe in probe_all(drawn, oracle):
        entry = _entry(probe, rng)
        if entry is None:
            continue
        value, expected, limits = entry
        changed = [float(np.dtype(dtype).type(value * (1 + 10.0**-k))) for k in EXPONENTS]
        for method, limit in limits.items():
            tells = abs(value - expected) <= limit
            seen[method].append([tells and abs(each - expected) > limit for each in changed])
            certain[method].append((limit + abs(value - expected)) / abs(value) if tells else np.inf)
    return [
        FloorOutcome(
            profile,
            dtype,
            method,
            len(seen[method]),
            {str(k): share for k, share in zip(EXPONENTS, np.mean(seen[method], axis=0).tolist(), strict=True)},
            *(finite(np.quantile(certain[method], share, method="higher")) for share in (0.5, 0.99)),
        )
        for method in METHODS
        if seen[method]
    ]


def _entry(probe: Probe, rng: np.random.Generator) -> tuple[float, float, dict[str, float]] | None:
    """A gradient entry that is not 0: what the textbook gives, what is expected, what each method allows."""
    dtype = probe.case.dtype
    got = probe.ask(as_implementation(Textbook()))
    smallest = np.finfo(dtype).smallest_normal
    places = [
        (quantity, tuple(index))
        for quantity in probe.expected
        if quantity.kind in ("dW", "db")
        for index in np.argwhere(np.abs(got[quantity]) >= smallest)
    ]
    if not places:
        return None
    quantity, index = places[rng.integers(len(places))]
    expected: Array = probe.expected[quantity]
    limits = {DERIVED: float(probe.allowed[quantity][index])}
    for tolerance in USUAL:
        if dtype in tolerance.pairs:
            limits[tolerance.name] = float(tolerance.allowed(expected, dtype)[index])
    return float(got[quantity][index]), float(expected[index]), limits
