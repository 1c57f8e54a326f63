"""The report of a verification: what report.json holds, field by field.

The JSON Schema of report.json, `reports/report.schema.json`, is made from this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from backproof.oracles.comparison import Outside
from backproof.reports.showing import Shown
from backproof.verification.document import Document

SCHEMA_VERSION = "3.3"

Verdict = Literal["agree", "agree but for", "disagree", "could not run"]

Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0)]


class ImplementationTested(msgspec.Struct, frozen=True):
    """What was verified."""

    source: Annotated[str, Meta(description="Module name or path, as it was given; given:NAME of what was at hand")]
    missing: Annotated[list[str], Meta(description="Functions of the contract that it does not have")]


class Settings(msgspec.Struct, frozen=True):
    """What it was verified with: together with the environment, this determines everything."""

    networks: Annotated[int, Meta(ge=1, description="Networks asked for")]
    seed: Count
    profile: Text
    own: Annotated[
        str, Meta(description="The user's own networks, in place of a profile's: an architecture or a file; else empty")
    ]
    dtypes: list[str]
    oracles: list[str]
    grade: Annotated[
        Literal["strict", "lenient"],
        Meta(description="Whether elementary functions must be accurate relatively, or only absolutely"),
    ]
    attribute: Annotated[bool, Meta(description="Whether certified values were asked for on every network")]
    strict: Annotated[bool, Meta(description="Whether a difference that is no mistake is a disagreement")]
    known: Annotated[
        list[str] | None,
        Meta(description="Those of an earlier report, by what declares them, which are none; null where there is none"),
    ]
    generator: Annotated[int, Meta(description="Version of the generator that draws the networks")]


class Place(msgspec.Struct, frozen=True):
    """One entry of one quantity of one network."""

    case: Annotated[str, Meta(description="The network's name")]
    dtype: str
    oracle: str
    quantity: Annotated[str, Meta(description="The quantity, with its layer in brackets where it has one")]
    index: Annotated[list[int] | None, Meta(description="Where in the quantity; null for all of it")]
    got: Annotated[float | None, Meta(description="null where it is no finite number")]
    expected: float | None
    allowed: Annotated[float | None, Meta(description="How far got may be from expected")]
    ratio: Annotated[float | None, Meta(description="|got - expected| / allowed; null where it is infinite")]
    cause: Annotated[str, Meta(description="What is wrong, where it is not the value; else empty")]
    leniently: Annotated[bool, Meta(description="Whether it would agree under the lenient grade")]
    outside: Annotated[
        Outside,
        Meta(description="Which of the two is outside its own bound of the certified value; empty where that is moot"),
    ]
    replay: Annotated[str, Meta(description="The command that shows this network alone")]


class DifferenceFound(msgspec.Struct, frozen=True):
    """Something that a right program does otherwise than the contract, found by holding it against just that."""

    name: Text
    what: Annotated[str, Meta(description="What the program does, with its numbers, after the program's name")]
    matters: Annotated[str, Meta(description="Where that matters in practice")]
    declares: Annotated[str, Meta(description="What a CONVENTION says of it")]
    declared: Annotated[bool, Meta(description="Whether the program's CONVENTION says so")]
    functions: list[str]
    networks: Annotated[int, Meta(ge=0, description="Networks on which its answers are not the contract's for that")]


class MistakeFound(msgspec.Struct, frozen=True):
    """A known mistake that explains all wrong answers of some functions; with others that do as well, or together."""

    names: Annotated[list[str], Meta(description="Of the catalogue; together, where there are several")]
    others: Annotated[list[str], Meta(description="Of mistakes that give the same answers on these networks")]
    what: Text
    hint: str
    functions: list[str]
    networks: Count


class Quantiles(msgspec.Struct, frozen=True):
    """How a number is distributed: its smallest, 1 %, 25 %, 50 %, 75 %, 99 % and largest value."""

    smallest: float | None
    p01: float | None
    p25: float | None
    median: float | None
    p75: float | None
    p99: float | None
    largest: float | None


class QuantityOutcome(msgspec.Struct, frozen=True):
    """The outcome for one quantity, in one dtype, against one oracle, over all networks."""

    quantity: Annotated[str, Meta(description="output, loss, dW, db, or a function of the contract; layers together")]
    dtype: str
    oracle: str
    cases: Annotated[int, Meta(ge=0, description="Networks in which it was checked")]
    failures: Annotated[int, Meta(ge=0, description="Networks in which it disagrees")]
    unchecked: Annotated[int, Meta(ge=0, description="Networks in which some or all of it was not checked")]
    entries: Annotated[int, Meta(ge=0, description="How many numbers it has, over all networks")]
    unchecked_entries: Annotated[int, Meta(ge=0, description="How many of them were not checked")]
    coarse_entries: Annotated[
        int, Meta(ge=0, description="How many of these because what is allowed is no small part of them")
    ]
    finer_entries: Annotated[
        int, Meta(ge=0, description="To how many of these float32 ones the answer in float64 is checked, and right")
    ]
    worst_ratio: Annotated[
        float | None, Meta(description="The largest error / allowed; null where it is infinite or nothing was checked")
    ]
    median_ratio: Annotated[
        float | None, Meta(description="The median, over networks, of the network's largest error / allowed")
    ]
    ratios: Annotated[Quantiles, Meta(description="Over networks, of the network's largest error / allowed")]
    fineness: Annotated[Quantiles, Meta(description="Over networks, of what is allowed relative to what is expected")]
    worst: Annotated[Place | None, Meta(description="Where error / allowed is largest")]


class Growth(msgspec.Struct, frozen=True):
    """How gradients fare with a network's size, where they are not exact."""

    dimension: Literal["depth", "width"]
    size: Annotated[int, Meta(description="The depth; or the least power of two that is no less than every width")]
    dtype: str
    networks: Count
    median_ratio: Annotated[float | None, Meta(description="Of error / allowed")]
    worst_ratio: float | None
    median_fineness: Annotated[float | None, Meta(description="Of what is allowed relative to what is expected")]


class Unchecked(msgspec.Struct, frozen=True):
    """Something that could not be checked, and why."""

    quantity: str
    dtype: str
    oracle: str
    cause: str
    networks: Count
    entries: Annotated[int, Meta(ge=0, description="Of so many numbers")]
    profiles: Annotated[dict[str, int], Meta(description="How many of these in networks of each profile")]


class ExactMode(msgspec.Struct, frozen=True):
    """Networks on which it is proven that nothing has to be rounded, compared with the exact values to the bit."""

    dtype: str
    networks: Count
    entries: Annotated[int, Meta(ge=0, description="How many of their numbers need no rounding")]
    digits: Annotated[int, Meta(ge=0, description="How many binary digits their operations need at most")]
    inexact: Annotated[int, Meta(ge=0, description="Networks of these with a number that is not exact, to the bit")]


class Range(msgspec.Struct, frozen=True):
    """Between what a number of the networks lies."""

    what: Text
    smallest: float | None
    largest: float | None


class Met(msgspec.Struct, frozen=True):
    """Something that occurs in networks, and in how many of them."""

    what: Text
    networks: Count


class Drawn(msgspec.Struct, frozen=True):
    """What the networks were like, as they were drawn; of inputs the absolute value."""

    ranges: list[Range]
    corners: Annotated[list[Met], Meta(description="Where mistakes hide, also what no network met")]
    hidden: Annotated[list[Met], Meta(description="Activations of hidden layers")]
    last: Annotated[list[Met], Meta(description="Activations of last layers")]
    losses: list[Met]


class ProfileOutcome(msgspec.Struct, frozen=True):
    """What came of the networks of one profile."""

    profile: Text
    networks: Count
    checked: Annotated[int, Meta(ge=0, description="Networks in which anything was checked")]
    failed: Annotated[int, Meta(ge=0, description="Networks in which something disagrees")]


class LayerOutcome(msgspec.Struct, frozen=True):
    """What came of one quantity in the layers that stand at one place."""

    quantity: Text
    back: Annotated[int, Meta(ge=0, description="So many layers before the last, which is 0; of 30, or more than that")]
    networks: Annotated[int, Meta(ge=0, description="Networks with such a layer in which the quantity was checked")]
    failed: Annotated[int, Meta(ge=0, description="Networks of these in which it disagrees in that layer")]


class Timing(Document, frozen=True):
    """How long a run took, which is all that differs from one to the next."""

    seconds: float
    networks_per_second: float


class Report(Shown, frozen=True):
    """The outcome of `backproof verify`."""

    VIEW: ClassVar[str] = "backproof.reports.terminal:report_view"

    schema_version: str
    verdict: Annotated[
        Verdict,
        Meta(
            description="agree but for: all that disagrees is explained by differences that are no mistakes; could not "
            "run: nothing disagrees, but not everything that was asked for was verified"
        ),
    ]
    summary: Annotated[str, Meta(description="The verdict in a sentence")]
    implementation: ImplementationTested
    settings: Settings
    networks: Annotated[int, Meta(ge=0, description="Networks that were verified, in every dtype asked for")]
    drawn: Drawn
    profiles: Annotated[list[ProfileOutcome], Meta(description="Empty where a user's own networks were judged")]
    layers: Annotated[list[LayerOutcome], Meta(description="Of what disagrees in some layer")]
    quantities: list[QuantityOutcome]
    differences: list[DifferenceFound]
    mistakes: list[MistakeFound]
    failures: Annotated[list[Place], Meta(description="The worst disagreements, one for a quantity, dtype and oracle")]
    worst: Annotated[
        list[Place], Meta(description="The largest error / allowed of each quantity that agrees everywhere")
    ]
    growth: list[Growth]
    unchecked: list[Unchecked]
    undecided_neurons: Annotated[
        int, Meta(ge=0, description="ReLU neurons, over all samples, so near 0 that rounding may decide their side")
    ]
    undecidable_neurons: Annotated[
        int,
        Meta(
            ge=0, description="Of those of networks that were certified: how many ball arithmetic cannot decide either"
        ),
    ]
    exact: Annotated[list[ExactMode], Meta(description="By dtype; empty where something rounds on every network")]
    environment: dict[str, str]


def known_differences(path: str | Path) -> tuple[str, ...]:
    """The differences of an earlier report.json, by what declares them; raises ValueError where it is none."""
    from backproof.verification.folders import absolute  # which is not in the light install

    try:
        report = msgspec.json.decode(absolute(str(path)).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError) as error:
        problem = f"{path} is no report.json that this version can read; verify anew to make one"
        raise ValueError(problem) from error
    return tuple(dict.fromkeys(found.declares for found in report.differences))
