"""The outcome of `backproof infer`, field by field."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backproof.verification.document import Document

SCHEMA_VERSION = "1.0"


class LossFollowed(msgspec.Struct, frozen=True):
    """What was found for one loss that was asked for by name."""

    asked: str
    value: Annotated[str | None, Meta(description="What the loss's value follows; null where there is none")]
    gradient: Annotated[str | None, Meta(description="What the gradient follows; null where there is none")]


class Inference(Document, frozen=True):
    """The outcome of `backproof infer`."""

    schema_version: str
    verdict: Annotated[
        Literal["consistent", "inconsistent"],
        Meta(description="consistent: every value and gradient follows a loss, the same one, and slopes at 0 are one"),
    ]
    summary: Annotated[list[str], Meta(description="What was found, in sentences; what is inconsistent comes first")]
    implementation: str
    forward: Annotated[str | None, Meta(description="How forward wants its arrays; null where there is none")]
    backward: Annotated[str | None, Meta(description="How backward wants and gives them")]
    losses: list[LossFollowed]
    slopes: Annotated[dict[str, str], Meta(description="What sigmoid_prime and tanh_prime are functions of")]
    relu_prime_at_0: Annotated[float | None, Meta(description="What the function relu_prime gives at 0")]
    slope_at_0: Annotated[float | None, Meta(description="The slope at 0 that backward multiplies by")]
    step: Annotated[str | None, Meta(description="What gradient_descent_step does with gradients")]
