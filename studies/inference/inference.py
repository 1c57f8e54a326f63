"""Find out which conventions an implementation follows, and say it."""

from __future__ import annotations

from backproof.studies.inference.experiment import Experiment
from backproof.studies.inference.report import SCHEMA_VERSION, Inference
from backproof.studies.inference.wording import say_findings, say_inconsistencies
from backproof.verification.campaign import CouldNotRunError
from backproof.verification.implementation import Implementation


def infer(implementation: Implementation) -> Inference:
    """Find out which conventions the implementation follows, by experiment.

    Raises CouldNotRunError where it gives nothing that conventions could be told by.
    """
    experiment = Experiment(implementation)
    shapes = experiment.forward_shapes(), experiment.backward_shapes
    losses = [each for name in experiment.convention.losses if (each := experiment.loss(name))]
    slopes = {name: found for name in ("sigmoid_prime", "tanh_prime") if (found := experiment.slope(name))}
    at_0, within, step = experiment.relu_prime_at_0(), experiment.slope_at_0(losses), experiment.step()
    if not (losses or slopes or any(shapes) or step) and at_0 is None:
        raise CouldNotRunError(f"{implementation.name} gives nothing that conventions could be told by")
    wrong = say_inconsistencies(losses, at_0, within)
    return Inference(
        schema_version=SCHEMA_VERSION,
        verdict="inconsistent" if wrong else "consistent",
        summary=[*wrong, *say_findings(losses, shapes, slopes, at_0, within, step)],
        implementation=implementation.name,
        forward=shapes[0],
        backward=shapes[1],
        losses=losses,
        slopes=slopes,
        relu_prime_at_0=at_0,
        slope_at_0=within,
        step=step,
    )
