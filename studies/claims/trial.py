"""The trial: all statements of the notes, one after the other, and training; what was found goes into a report."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from backproof.oracles.registry import Oracle
from backproof.reference_impl.as_printed import STATEMENTS
from backproof.reports.environment import environment
from backproof.studies.claims.chapter import write_claims
from backproof.studies.claims.claim import CLAIMS_SCHEMA_VERSION, Check, Claim, Claims, Speed, Timing, Training
from backproof.studies.claims.equations import EQUATIONS, Bench, try_equation
from backproof.studies.claims.gradients import try_relu
from backproof.studies.claims.linearity import try_linearity
from backproof.studies.claims.output import try_output_gradient
from backproof.studies.claims.practice import try_relu_prime
from backproof.studies.claims.softmax import try_softmax
from backproof.studies.claims.speed import crossovers, try_vectors
from backproof.studies.claims.training import train
from backproof.verification.campaign import DEFAULT_ORACLES, CouldNotRunError, Progress, load_oracles, why_stopped
from backproof.verification.folders import made
from backproof.verification.wording import conjoin

TRIALS: dict[str, Callable[[Bench], Claim]] = {
    **{equation.id: partial(try_equation, equation) for equation in EQUATIONS},
    "N6": try_relu_prime,
    "N7": try_relu,
    "N9": try_softmax,
    "N15": try_output_gradient,
    "N18": try_linearity,
}


class Trial:
    """What has been found so far."""

    def __init__(self, oracles: list[Oracle], seed: int) -> None:
        self.bench = Bench(oracles, seed)
        self.claims: list[Claim] = []
        self.training: list[Training] = []
        self.speeds: list[Speed] = []
        self.seconds: dict[str, float] = {}

    def run(self, progress: Progress) -> None:
        """Try all statements, then training, which is evidence for N10 as well."""
        for name in STATEMENTS:
            progress.stage(f"trying {name}")
            self._timed(name, self._try)
            progress.judged()
        progress.stage("training in NumPy, PyTorch and JAX")
        self._timed(TRAINING, self._train)
        progress.judged()

    def _timed(self, name: str, tried: Callable[[str], None]) -> None:
        started = time.perf_counter()
        tried(name)
        self.seconds[name] = time.perf_counter() - started

    def _try(self, name: str) -> None:
        if name == "N17":
            claim, self.speeds = try_vectors()
        else:
            claim = TRIALS[name](self.bench)
        self.claims.append(claim)

    def _train(self, _: str) -> None:
        self.training = train(self.bench)
        self.claims = [_with_training(claim, self.training) if claim.id == "N10" else claim for claim in self.claims]

    def report(self, seconds: float, stopped: BaseException | None) -> Claims:
        """What claims.json will say."""
        return Claims(
            schema_version=CLAIMS_SCHEMA_VERSION,
            complete=stopped is None,
            summary=_summary(self.claims, self.training, stopped),
            seed=self.bench.seed,
            witnesses=[*(oracle.name for oracle in self.bench.oracles), "certified"],
            claims=self.claims,
            training=self.training,
            environment=environment(),
            timing=Timing(seconds, self.seconds, self.speeds, crossovers(self.speeds)),
        )


TRAINING = "training"

# What is tried, one after the other.
TRIED = (*STATEMENTS, TRAINING)


def try_notes(out: str | Path, seed: int = 0, progress: Progress | None = None) -> Claims:
    """Try the notes' statements, write claims.json and its chapter of the report into the folder `out`, and return it.

    Raises CouldNotRunError where the folder cannot be written, an oracle cannot work, or something stops the trial;
    what was found by then is written all the same.
    """
    started, progress = time.perf_counter(), progress or Progress()
    folder = made(out)
    progress.expects(len(TRIED))
    trial, stopped = Trial(load_oracles(DEFAULT_ORACLES, progress), seed), None
    try:
        trial.run(progress)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    progress.stage("writing the report")
    claims = trial.report(time.perf_counter() - started, stopped)
    write_claims(claims, folder)
    if stopped is not None:
        raise CouldNotRunError(claims.summary) from stopped
    return claims


def _with_training(claim: Claim, training: list[Training]) -> Claim:
    """The claim with a check for every run: at how many steps all comparisons stay within the carried bounds."""
    checks = [_steps_within(run) for run in training]
    within, steps = sum(check.agreeing for check in checks), sum(check.tried for check in checks)
    summary = (
        f"{claim.evidence.summary} From the same start, NumPy, PyTorch, JAX and the exact path stay within the bound "
        f"that is carried along at {within} of {steps} steps, in {len(training)} networks."
    )
    evidence = msgspec.structs.replace(claim.evidence, summary=summary, checks=[*claim.evidence.checks, *checks])
    return msgspec.structs.replace(claim, evidence=evidence)


def _steps_within(run: Training) -> Check:
    steps = range(1, run.checked + 1)
    return Check(
        what="training stays within the bound that is carried along",
        scope=f"steps: {run.network}",
        tried=len(steps),
        agreeing=sum(all(_within(one.ratio[t]) for one in run.comparisons) for t in steps),
        worst={one.between: max((one.ratio[t] or 0.0 for t in steps), default=0.0) for one in run.comparisons},
    )


def _within(ratio: float | None) -> bool:
    return ratio is not None and ratio <= 1


def _summary(claims: list[Claim], training: list[Training], stopped: BaseException | None) -> str:
    """The verdicts in a sentence or two."""
    by_verdict: dict[str, list[str]] = {}
    for claim in claims:
        by_verdict.setdefault(claim.verdict, []).append(claim.id)
    words = {"holds": "hold as printed", "holds if": "hold under a condition", "fails as printed": "fail as printed"}
    found = [f"{len(ids)} {words[verdict]} ({', '.join(ids)})" for verdict, ids in by_verdict.items()]
    if stopped is not None:
        until = f"; until then {conjoin(found)}" if found else ""
        return f"The notes could not be tried to the end: {why_stopped(stopped)}{until}."
    wrong = [claim.id for claim in claims if not claim.settled]
    left = f"a correction of {conjoin(wrong)} that holds is missing" if wrong else "what corrects them holds"
    within = "stays within its bounds" if all(run.within for run in training) else "leaves its bounds"
    trained = f" Training in NumPy, PyTorch and JAX {within}." if training else ""
    return f"Of the notes' {len(claims)} statements {conjoin(found)}; {left}.{trained}"
