"""What claims.json holds, field by field: the verdict on every statement of the notes, and what it rests on.

The JSON Schema of claims.json, `claims.schema.json` beside it, is made from this module.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backproof.reports.report import Count, Text
from backproof.verification.document import Document

CLAIMS_SCHEMA_VERSION = "1.0"

Verdict = Literal["holds", "holds if", "fails as printed"]

Ratios = dict[str, float | None]


class Check(msgspec.Struct, frozen=True):
    """Something that was tried on many networks, vectors or seeds."""

    what: Annotated[str, Meta(description="The reading, property or formula")]
    scope: Annotated[str, Meta(description="On what it was tried")]
    tried: Count
    agreeing: Annotated[int, Meta(ge=0, description="On how many of them it is so")]
    worst: Annotated[
        Ratios,
        Meta(description="Against each witness, the largest error / allowed of those that agree; null: infinite"),
    ] = {}
    least: Annotated[
        float | None,
        Meta(description="The smallest error / allowed of those that do not; null: there are none, or it is infinite"),
    ] = None


class Measurement(msgspec.Struct, frozen=True):
    """A number measured over many seeds, with its interval."""

    what: str
    group: Annotated[str, Meta(description="Of which it was measured: one line of a chart")]
    at: Annotated[float, Meta(description="Where: a depth, a step, an input")]
    value: Annotated[float | None, Meta(description="The median over the seeds; null where it was not reached")]
    low: Annotated[float | None, Meta(description="Lower end of the 95 % interval; null where there is none")] = None
    high: Annotated[float | None, Meta(description="Upper end; null where there is none")] = None
    samples: Annotated[int, Meta(ge=1, description="How many seeds")] = 1


class Call(msgspec.Struct, frozen=True):
    """What a call of a framework turns out to compute."""

    framework: str
    call: str
    finding: Annotated[str, Meta(description="The value, or the name of the contract, that it gives")]


class Evidence(msgspec.Struct, frozen=True):
    """What a verdict rests on."""

    summary: Annotated[str, Meta(description="The evidence in sentences")]
    condition: Annotated[str, Meta(description="Of what only holds if; else empty")] = ""
    checks: list[Check] = []
    measurements: list[Measurement] = []
    calls: list[Call] = []
    method: Annotated[str, Meta(description="How intervals and derived numbers were got; else empty")] = ""


class Counterexample(msgspec.Struct, frozen=True):
    """The smallest case on which what is printed is wrong."""

    line: Annotated[str, Meta(description="The arithmetic, to follow by hand")]
    case: Annotated[str, Meta(description="The network in JSON, as backproof replay takes it")]
    printed: Annotated[list[float | None], Meta(description="What is printed gives; null: nothing")]
    exact: Annotated[list[float], Meta(description="The exact values, from the certified enclosure")]


class Correction(msgspec.Struct, frozen=True):
    """What the statement should say, and whether that holds."""

    formula: Text
    verified: Annotated[bool, Meta(description="Whether it agrees with every witness on every network tried")]
    checks: list[Check]


class Claim(msgspec.Struct, frozen=True):
    """The verdict on one statement."""

    id: Text
    statement: Annotated[str, Meta(description="As printed")]
    reading: Annotated[str, Meta(description="What the statement is taken to say")]
    verdict: Verdict
    evidence: Evidence
    counterexample: Counterexample | None = None
    correction: Correction | None = None

    @property
    def settled(self) -> bool:
        """Whether the statement holds somehow, or is corrected by what holds."""
        return self.correction.verified if self.correction else self.verdict != "fails as printed"


class Comparison(msgspec.Struct, frozen=True):
    """Two runs of descent, or a run and the exact path, after every step."""

    between: str
    error: Annotated[
        list[float | None],
        Meta(description="The largest difference between parameters, from the start to the last step"),
    ]
    allowed: Annotated[
        list[float | None], Meta(description="The largest bound of a parameter's difference; null where there is none")
    ]
    ratio: Annotated[
        list[float | None], Meta(description="The largest error / allowed; null where unchecked or infinite")
    ]


class Training(msgspec.Struct, frozen=True):
    """Descent in NumPy, PyTorch and JAX, side by side from the same start."""

    network: Text
    steps: Count
    parameters: Count
    within: Annotated[bool, Meta(description="Whether all stay within their bounds at every step that is checked")]
    checked: Annotated[int, Meta(ge=0, description="Up to which step there are bounds")]
    worst: Annotated[float | None, Meta(description="The largest error / allowed up to there; null: infinite")]
    comparisons: list[Comparison]


class Speed(msgspec.Struct, frozen=True):
    """How long it takes to compute a layer."""

    scale: Annotated[str, Meta(description="What the size counts")]
    size: Count
    form: Annotated[str, Meta(description="All at once, or the loop")]
    seconds: Annotated[float, Meta(description="The median")]


class Crossover(msgspec.Struct, frozen=True):
    """From which size on a loop is slower than all at once."""

    scale: str
    form: str
    size: Annotated[int | None, Meta(description="The first of the sizes timed from which on it is; null: none")]


class Timing(msgspec.Struct, frozen=True):
    """The one part of claims.json that differs from run to run."""

    seconds: Annotated[float, Meta(description="Of everything")]
    by_claim: Annotated[dict[str, float], Meta(description="Seconds for each statement, and for training")]
    speeds: Annotated[list[Speed], Meta(description="What N17 was measured by")]
    crossovers: list[Crossover]


class Claims(Document, frozen=True):
    """The outcome of `backproof claims`."""

    schema_version: str
    complete: Annotated[bool, Meta(description="Whether every statement was tried")]
    summary: Annotated[str, Meta(description="The verdicts in a sentence")]
    seed: Count
    witnesses: Annotated[list[str], Meta(description="Whom the equations were held against")]
    claims: list[Claim]
    training: list[Training]
    environment: dict[str, str]
    timing: Timing

    @property
    def settled(self) -> bool:
        """Whether all statements hold somehow or are corrected by what holds, and all training stays in its bounds."""
        return all(claim.settled for claim in self.claims) and all(run.within for run in self.training)
