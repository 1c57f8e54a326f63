"""A grade: what grade.json holds, field by field.

The JSON Schema of grade.json, `grader/grade.schema.json`, is made from this module.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from backproof.grader.assignment import Feedback, Visibility
from backproof.grader.key import Purpose
from backproof.grader.sandbox.launch import Mode
from backproof.reports.showing import Shown

SCHEMA_VERSION = "1.4"

Status = Literal["passed", "failed", "missing", "not checked"]


class CheckGrade(msgspec.Struct, frozen=True):
    """One thing that a function was judged on."""

    name: Annotated[str, Meta(description="What kind of networks; and of what, where the function gives two things")]
    status: Literal["passed", "failed", "not checked"]
    points: float
    max_points: float
    exact_points: Annotated[str, Meta(description="The points as a fraction")]
    networks: Annotated[int, Meta(ge=0, description="How many it looked at")]
    wrong: Annotated[int, Meta(ge=0, description="On how many of them something was not right")]
    follow_through: Annotated[
        bool, Meta(description="Whether the points are for what is right but for another function of the submission")
    ]
    cause: Annotated[str, Meta(description="What was not right, in a sentence; else empty")]


class Counterexample(msgspec.Struct, frozen=True):
    """The smallest network that was found on which a function goes wrong."""

    smallest: Annotated[bool, Meta(description="Whether it was searched for; else it is one that the grade rests on")]
    dtype: str
    before: Annotated[
        dict[str, str], Meta(description="What the function has to be asked about first, where that is what it takes")
    ]
    inputs: Annotated[dict[str, str], Meta(description="What the function was given, by the notes' symbols")]
    quantity: str
    got: str
    expected: str
    steps: Annotated[list[str], Meta(description="The arithmetic of the right answer, step by step")]
    case: Annotated[str, Meta(description="The network in JSON, as `backproof replay` takes it")]


class FunctionGrade(msgspec.Struct, frozen=True):
    """What a function earned, and why not more."""

    status: Annotated[
        Status, Meta(description="not checked: there was no time; points are for the checks that were made and passed")
    ]
    points: float
    max_points: float
    exact_points: Annotated[str, Meta(description="The points as a fraction")]
    follow_through: Annotated[
        bool, Meta(description="Whether some points are for what is right but for another function of the submission")
    ]
    cause: Annotated[str, Meta(description="What was not right, in a sentence; else empty")]
    diagnosis: Annotated[
        list[str],
        Meta(description="Mistakes of the catalogue that explain every answer: see `diagnosis_kind`; empty: none does"),
    ]
    diagnosis_kind: Annotated[
        Literal["", "one", "together", "one of", "difference"],
        Meta(
            description="Whether it is one mistake, several at once, one of several that give the same answers, or no "
            "mistake but another convention than the assignment's"
        ),
    ]
    diagnosis_ordinary: Annotated[
        bool, Meta(description="Whether they explain the answers on ordinary networks alone, and not at the edges")
    ]
    text: Annotated[str, Meta(description="The instructor's own words on a function that is not right; else empty")]
    visibility: Annotated[Visibility, Meta(description="When a learning platform shows it")]
    explanation: Annotated[list[str], Meta(description="What the mistakes are and what to think about, or the pattern")]
    checks: list[CheckGrade]
    counterexample: Counterexample | None


class Timing(msgspec.Struct, frozen=True):
    """The one part of a grade that differs from run to run."""

    seconds: float


class Grade(Shown, frozen=True):
    """The outcome of `backproof grade`."""

    VIEW: ClassVar[str] = "backproof.grader.feedback:terminal_view"

    schema_version: str
    submission: str
    assignment: Annotated[str, Meta(description="The assignment's title")]
    key: Annotated[str, Meta(description="The hash of the answer key")]
    purpose: Annotated[Purpose, Meta(description="Whether the key is the course's, or a public one to practise with")]
    student: Annotated[str | None, Meta(description="For whom the key was made, if for one student")]
    hand_in: Annotated[
        int,
        Meta(ge=1, description="Which one of its student it is; where the key has several draws, networks go by it"),
    ]
    networks: Annotated[int, Meta(description="How many each function was asked about, at most")]
    dtypes: list[str]
    feedback: Annotated[Feedback, Meta(description="How much of this the student is told")]
    visibility: Annotated[Visibility, Meta(description="When a learning platform shows it")]
    sandbox: Mode
    sandbox_description: str
    score: float
    max_score: float
    exact_score: Annotated[str, Meta(description="The score as a fraction")]
    arithmetic: Annotated[str, Meta(description="The sum that gives the score")]
    functions: dict[str, FunctionGrade]
    remarks: Annotated[list[str], Meta(description="What there is to say of the file as a whole, in sentences")]
    output: Annotated[str, Meta(description="The beginning of what the submission printed")]
    timing: Timing
    fingerprint: Annotated[
        str,
        Meta(description="A hash of what this rests on: what was handed in, assignment, key, adapter, and the program"),
    ] = ""
