"""Find out which conventions an implementation follows, and say it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from backproof.reference_impl.contract import FUNCTIONS
from backproof.reports.showing import Shown
from backproof.studies.inference.experiment import Experiment
from backproof.studies.inference.followed import NONE, LossFollowed
from backproof.studies.inference.shapes import OF_THE_CONTRACT
from backproof.studies.inference.wording import say_findings, say_inconsistencies, say_no_gradient
from backproof.studies.inference.writing import adapter
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.implementation import Implementation

SCHEMA_VERSION = "2.1"


class Inference(Shown, frozen=True):
    """The outcome of `backproof infer`."""

    VIEW: ClassVar[str] = "backproof.studies.inference.terminal:inference_view"

    schema_version: str
    verdict: Annotated[
        Literal["consistent", "inconsistent", "undecided"],
        Meta(
            description="consistent: every value and gradient follows a loss, the same one, and slopes at 0 are one; "
            "undecided: nothing is inconsistent, and no gradient was seen"
        ),
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


def infer(implementation: Implementation, write: Path | None = None) -> Inference:
    """Find out which conventions the implementation follows, by experiment.

    write: where to write an adapter with the convention that it follows. Raises CouldNotRunError where it gives nothing
    that conventions could be told by, where it follows none that could be written, and where that cannot be.
    """
    experiment = Experiment(implementation)
    shapes = experiment.forward_shapes(), experiment.backward_shapes
    losses = [each for name in experiment.convention.losses if (each := experiment.loss(name))]
    slopes = {name: found for name in ("sigmoid_prime", "tanh_prime") if (found := experiment.slope(name))}
    if shapes[1] == NONE and any(each.but_for or each.mistakes for each in losses):
        shapes = shapes[0], OF_THE_CONTRACT
    at_0, within, step = experiment.relu_prime_at_0(), experiment.slope_at_0(losses), experiment.step()
    if not (losses or slopes or any(shapes) or step) and at_0 is None:
        raise CouldNotRunError(f"{implementation.name} gives nothing that conventions could be told by")
    if write is not None:
        _write(experiment, losses, shapes, write)
    wrong = say_inconsistencies(losses, at_0, within)
    unseen = [] if any(each.gradient for each in losses) else [say_no_gradient("backward" in implementation.functions)]
    return Inference(
        schema_version=SCHEMA_VERSION,
        verdict="inconsistent" if wrong else "undecided" if unseen else "consistent",
        summary=[
            *wrong,
            *unseen,
            *say_findings(losses, shapes, slopes, at_0, within, step, biases=experiment.has_biases),
        ],
        implementation=implementation.name,
        forward=shapes[0],
        backward=shapes[1],
        losses=losses,
        slopes=slopes,
        relu_prime_at_0=at_0,
        slope_at_0=within,
        step=step,
    )


def _write(
    experiment: Experiment, losses: list[LossFollowed], shapes: tuple[str | None, str | None], place: Path
) -> None:
    """Write the adapter; raises CouldNotRunError where there is none, or it cannot be written."""
    implementation = experiment.implementation
    convention = experiment.found_convention(losses)
    if convention is None:
        raise CouldNotRunError(f"{implementation.name} follows no convention that could be written")
    if place.suffix != ".py" or place.resolve() == Path(implementation.source).resolve():
        raise CouldNotRunError(f"an adapter is a .py file of its own, and {place} is not")
    known = {
        name: shape for name, shape in zip(("forward", "backward"), shapes, strict=True) if shape and shape != NONE
    }
    functions = [name for name in FUNCTIONS if name in implementation.functions]
    try:
        place.write_text(adapter(implementation.source, functions, convention, known, place), encoding="utf-8")
    except OSError as error:
        raise CouldNotRunError(f"{place} cannot be written: {error.strerror}") from error
