"""The report of the framework matrix: what frameworks.json holds, field by field.

Its JSON Schema, `frameworks.schema.json` beside it, is made from this module.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backproof.oracles.profiles import DRAWN
from backproof.reference_impl.contract import Array
from backproof.reports.report import Count, Text, Timing
from backproof.studies.frameworks.backends import KINDS, Backend, Missing
from backproof.studies.frameworks.matrix import QUANTITIES, TRUTH, Cell, rows
from backproof.studies.frameworks.tally import Tally
from backproof.verification.document import Document, finite

SCHEMA_VERSION = "1.0"


class SettingsUsed(msgspec.Struct, frozen=True):
    """What the matrix was made with: together with the environment, this determines everything but the timing."""

    networks: Annotated[int, Meta(ge=1, description="Networks asked for")]
    slow_networks: Annotated[int, Meta(ge=0, description="Networks for backends that take seconds for every new one")]
    seed: Count
    profile: Text
    dtypes: list[str]
    frameworks: list[str]
    generator: Annotated[int, Meta(description="Version of the generator that draws the networks")]


class BackendUsed(msgspec.Struct, frozen=True):
    """A backend that was compared, and the arithmetic that its bounds are derived for."""

    name: Text
    dtype: Text
    networks: Annotated[int, Meta(ge=0, description="How many networks it was put to")]
    slow: Annotated[bool, Meta(description="Whether it takes seconds for every new network, and so got fewer")]
    unit_roundoff: float
    operand_roundoff: Annotated[float, Meta(description="To which the factors of matrix products round first; or 0")]
    accumulation_roundoff: Annotated[float, Meta(description="In which the products are added up")]


class Distribution(msgspec.Struct, frozen=True):
    """How numbers are distributed over entries; quantiles are at most 9 % too large, the largest is exact."""

    median: float | None
    p99: float | None
    largest: Annotated[float | None, Meta(description="null where it is infinite, or where there is nothing")]


class Outcome(msgspec.Struct, frozen=True):
    """One backend against another, or against the certified values: one quantity of one profile's networks."""

    backend: Text
    dtype: Text
    against: Annotated[str, Meta(description='"certified", or a backend of the same dtype')]
    quantity: Text
    profile: Annotated[str, Meta(description='A profile, or "all" of them together')]
    networks: Count
    entries: Annotated[int, Meta(ge=0, description="Entries that were checked")]
    exact: Annotated[int, Meta(ge=0, description="Those of them that must not differ at all; not in the ratios")]
    unchecked: Annotated[int, Meta(ge=0, description="Entries with no finite bound, or no truth that can be enclosed")]
    violations: Annotated[int, Meta(ge=0, description="Entries that differ by more than rounding explains")]
    ratios: Annotated[Distribution, Meta(description="Of error / allowed")]
    ulps: Annotated[Distribution, Meta(description="Of the error in ulps of the dtype, where exact values are normal")]


class Worst(msgspec.Struct, frozen=True):
    """The entry of a quantity at which a backend comes closest to its bound, or passes it."""

    backend: Text
    dtype: Text
    case: Text
    quantity: Text
    index: list[int]
    got: float | None
    exact: float | None
    allowed: float | None
    ratio: Annotated[float | None, Meta(description="error / allowed; null where it is infinite")]
    ulps: float | None
    replay: Annotated[str, Meta(description="The command that shows this network alone")]


class FrameworksReport(Document, frozen=True):
    """The outcome of `backproof frameworks`."""

    schema_version: str
    verdict: Annotated[
        Literal["within bounds", "violations", "could not run"],
        Meta(description="could not run: no backend is outside its bounds, but not everything that was asked for ran"),
    ]
    summary: Annotated[str, Meta(description="The verdict in a sentence")]
    settings: SettingsUsed
    networks: Annotated[int, Meta(ge=0, description="Networks that were compared in every dtype")]
    backends: list[BackendUsed]
    missing: list[Missing]
    outcomes: list[Outcome]
    worst: Annotated[list[Worst], Meta(description="For each backend and quantity, largest ratios first")]
    environment: dict[str, str]
    timing: Timing


def backend_used(backend: Backend, matrix: Iterable[Cell]) -> BackendUsed:
    """What a backend is, and on how many networks it was compared."""
    (truth,) = (cell for cell in matrix if cell.backend is backend and cell.against == TRUTH)
    return BackendUsed(
        name=backend.name,
        dtype=backend.dtype,
        networks=int(truth.networks.sum()),
        slow=KINDS[backend.name].slow,
        unit_roundoff=backend.arithmetic.unit_roundoff,
        operand_roundoff=backend.arithmetic.operand_roundoff,
        accumulation_roundoff=backend.arithmetic.accumulation,
    )


def outcomes(matrix: Iterable[Cell]) -> list[Outcome]:
    """All cells, quantity by quantity, over all profiles and for each of them; without what holds nothing."""
    return [
        outcome
        for cell in matrix
        for quantity in QUANTITIES
        for profile in (None, *DRAWN)
        if (outcome := _outcome(cell, quantity, profile)).networks
    ]


def _outcome(cell: Cell, quantity: str, profile: str | None) -> Outcome:
    chosen = rows(quantity, profile)
    networks = cell.networks if profile is None else cell.networks[list(DRAWN).index(profile)]
    return Outcome(
        backend=cell.backend.name,
        dtype=cell.backend.dtype,
        against=cell.against,
        quantity=quantity,
        profile=profile or "all",
        networks=int(networks.sum()),
        entries=int(cell.entries[chosen].sum()),
        exact=int(cell.exact[chosen].sum()),
        unchecked=int(cell.unchecked[chosen].sum()),
        violations=int(cell.violations[chosen].sum()),
        ratios=_distribution(cell.ratios, chosen),
        ulps=_distribution(cell.ulps, chosen),
    )


def _distribution(tally: Tally, chosen: Array) -> Distribution:
    """How what was counted in some rows is distributed."""
    return Distribution(
        finite(tally.quantile(chosen, 0.5)), finite(tally.quantile(chosen, 0.99)), finite(tally.most(chosen))
    )


def worst(matrix: Iterable[Cell]) -> list[Worst]:
    """Where each backend comes closest to its bounds, quantity by quantity."""
    found = [
        Worst(
            backend=cell.backend.name,
            dtype=cell.backend.dtype,
            case=entry.case,
            quantity=str(entry.quantity),
            index=list(entry.place),
            got=finite(entry.got),
            exact=finite(entry.exact),
            allowed=finite(entry.allowed),
            ratio=finite(entry.ratio),
            ulps=finite(entry.ulps),
            replay=replay(entry.case, cell.backend),
        )
        for cell in matrix
        for entry in cell.worst.values()
        if entry.ratio > 0
    ]
    return sorted(found, key=lambda place: -math.inf if place.ratio is None else -place.ratio)


def replay(case: str, backend: Backend) -> str:
    """The command that shows one network alone, as that backend computes it."""
    return shlex.join(["backproof", "replay", case, "--framework", backend.name, "--dtype", backend.dtype])
