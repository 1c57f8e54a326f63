"""The laboratory's report: what power.json holds, field by field.

Its JSON Schema, `power.schema.json` beside it, is made from this module.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backproof.reports.report import Count
from backproof.verification.document import Document

SCHEMA_VERSION = "1.0"

ByMethod = Annotated[
    dict[str, int | None],
    Meta(description="For each method: the derived bounds, and the tolerances in use elsewhere"),
]


class Settings(msgspec.Struct, frozen=True):
    """With the environment, this determines everything but the timing."""

    parts: Annotated[list[str], Meta(description="The parts of the laboratory that were run")]
    networks: Annotated[int, Meta(description="On how many networks floors and leaks are measured")]
    alarm_networks: Annotated[int, Meta(description="On how many networks right implementations are judged")]
    seed: Annotated[int, Meta(description="Of the networks of the false-alarm campaign")]
    oracle: str


class MistakeOutcome(msgspec.Struct, frozen=True):
    """A mistake of the catalogue."""

    name: str
    quantity: Annotated[str, Meta(description="What disagrees first; empty where nothing does")]
    dtype: Annotated[str, Meta(description="In which dtype it does")]
    networks: Count
    first: Annotated[ByMethod, Meta(description="The first network, from 1, on which a method sees it; null: none")]
    shown: Annotated[ByMethod, Meta(description="On how many networks it does")]


class CatchingTest(msgspec.Struct, frozen=True):
    """A test, and how many mutants it is the first to catch."""

    test: str
    mutants: Count


class EquivalentMutant(msgspec.Struct, frozen=True):
    """A mutant that computes what the original does, and why."""

    mutant: str
    reason: str


class Mutants(msgspec.Struct, frozen=True):
    """The automatic mutants of reference_impl."""

    total: Count
    by_conformance: Annotated[int, Meta(ge=0, description="Caught by the conformance suite")]
    by_unit_tests: Annotated[int, Meta(ge=0, description="Outside the contract, caught by the package's own tests")]
    tests: list[CatchingTest]
    networks_median: Annotated[float | None, Meta(description="Networks until the conformance suite caught one")]
    networks_most: Annotated[int | None, Meta(description="The most that it needed")]
    usually: Annotated[
        ByMethod, Meta(description="How many of those that the suite catches each method sees on 20 networks")
    ]
    equivalent: list[EquivalentMutant]
    survivors: Annotated[list[str], Meta(description="Neither caught nor shown to be equivalent")]
    stale: Annotated[list[str], Meta(description="What is wrong with the list of equivalent mutants")]


class FloorOutcome(msgspec.Struct, frozen=True):
    """What of one gradient entry off by a little is seen."""

    profile: str
    dtype: str
    method: str
    networks: Count
    shares: Annotated[dict[str, float], Meta(description="For k, on which share of networks 10^-k of itself is seen")]
    median: Annotated[float | None, Meta(description="The relative error sure to be seen on half of the networks")]
    most: Annotated[float | None, Meta(description="The same on 99 % of them; null where nothing is sure")]


class LeakOutcome(msgspec.Struct, frozen=True):
    """A step computed in half as many bits."""

    step: str
    dtype: str
    networks: Count
    first: ByMethod
    shown: ByMethod


class AlarmOutcome(msgspec.Struct, frozen=True):
    """A right way of writing it."""

    way: str
    profile: str
    dtype: str
    networks: Count
    alarms: Annotated[int, Meta(ge=0, description="Networks on which the derived bounds call it wrong")]
    tried: Annotated[int, Meta(ge=0, description="Networks that the usual tolerances were tried on")]
    usually: Annotated[ByMethod, Meta(description="On how many of these they call it wrong")]


class AlarmPlace(msgspec.Struct, frozen=True):
    """Where a right implementation was called wrong."""

    way: str
    case: str
    dtype: str
    explanation: str


class Timing(msgspec.Struct, frozen=True):
    """The one part of a report that differs from run to run."""

    seconds: float


class PowerReport(Document, frozen=True):
    """The outcome of `backproof power`."""

    schema_version: str
    verdict: Annotated[
        Literal["holds", "fails"],
        Meta(description="holds: every mistake and mutant is caught or equivalent, and nothing right is called wrong"),
    ]
    summary: list[Annotated[str, Meta(description="A sentence on each part")]]
    settings: Settings
    mistakes: list[MistakeOutcome]
    mutants: Mutants | None
    floors: list[FloorOutcome]
    leaks: list[LeakOutcome]
    alarms: list[AlarmOutcome]
    alarm_places: list[AlarmPlace]
    environment: dict[str, str]
    timing: Timing
