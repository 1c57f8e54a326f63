"""Making an answer key: the exact answers, enclosed in balls, that PyTorch and JAX agree with."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backproof.grader.assignment import Assignment, CouldNotGradeError, read_assignment
from backproof.grader.key import (
    Header,
    Key,
    Purpose,
    asked_case,
    layout,
    network_header,
    student_file,
    write_key,
)
from backproof.grader.networks import Network, draw_networks, random_stream
from backproof.oracles.bounds import NUMPY, Arithmetic, Bounds, bounds
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.certified import Enclosure, enclose
from backproof.oracles.comparison import compare
from backproof.reference_impl.contract import Array
from backproof.verification.campaign import Progress, load_oracles

ORACLES = ("torch", "jax")

# The prediction that the loss is asked about is the middle of a ball, of a hundredth of what is allowed.
OF_PREDICTION = 2.0**-5

PACKAGES = ("numpy", "torch", "jax", "python-flint")


def make_keys(
    *,
    assignment: Path | None,
    out: Path,
    practice: bool = False,
    students: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Key]:
    """Make the answer key of an assignment and write it to `out`; or one for each student, into the folder `out`.

    assignment: a file, or None for the default one. practice: a key that tells nothing about those for grading. Raises
    CouldNotGradeError where that cannot be done, and as `make_key` does.
    """
    chosen = read_assignment(assignment)
    keys = []
    for student in students or (None,):
        key = make_key(chosen, student=student, purpose="practice" if practice else "grading", progress=progress)
        write_key(key, out if student is None else out / student_file(student))
        keys.append(key)
    return keys


def make_key(
    assignment: Assignment,
    *,
    student: str | None = None,
    purpose: Purpose = "grading",
    progress: Progress | None = None,
) -> Key:
    """Draw the networks of an assignment, for one student if one is named, and work out the right answers.

    Raises CouldNotGradeError where an oracle does not agree with the certified answers, and
    `verification.campaign.CouldNotRunError` where one is not installed or does not work.
    """
    progress = progress or Progress()
    practice = purpose == "practice"
    streams = [random_stream(assignment, student, practice=practice, draw=i) for i in range(assignment.draws)]
    drawn = [draw_networks(assignment, stream) for stream in streams]
    networks = [network for each in drawn for network in each.networks]
    cases = list(dict.fromkeys(asked_case(f, network) for network in networks for f in assignment.functions))
    oracles = load_oracles(ORACLES, progress)
    honest = list(map(honest_arithmetic, assignment.dtypes))
    progress.stage("deriving the bounds")
    allowed = dict(zip(cases, bounds(cases, [*honest, *(oracle.arithmetic for oracle in oracles)]), strict=True))
    progress.stage("enclosing the exact answers")
    truth = {case: _enclose(case, allowed[case]) for case in cases}
    agreement = {}
    for i, oracle in enumerate(oracles, len(honest)):
        progress.stage(f"asking {oracle.name}")
        given = dict(zip(cases, oracle.answers(cases), strict=True))
        agreement[oracle.name] = max(
            _agreement(oracle.name, case, given[case], truth[case], allowed[case].allowances[i]) for case in cases
        )
    answers, allowances = _answers(assignment, networks, truth, allowed)
    header = Header(
        title=assignment.title,
        assignment=assignment.digest(),
        purpose=purpose,
        student=student,
        dtypes=assignment.dtypes,
        functions=assignment.functions,
        networks=tuple(map(network_header, networks)),
        made_with={"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES},
        agreement=agreement,
        rejected=dict(sum((each.rejected for each in drawn), Counter())),
    )
    predictions = tuple(
        truth[network.judged].high[Quantity("output", 1)] if network.judged in truth else network.judged.x
        for network in networks
    )
    return Key(header, tuple(networks), predictions, answers, allowances)


def honest_arithmetic(dtype: str) -> Arithmetic:
    """The arithmetic that an honest submission has."""
    return replace(NUMPY[dtype], lenient=True, of_prediction=OF_PREDICTION)


def _enclose(case: Case, allowed: Bounds) -> Enclosure:
    """The exact answers, enclosed as narrowly as the narrowest bound needs."""
    return enclose(case, {q: np.min([each[q] for each in allowed.allowances], axis=0) for q in case.quantities})


def _agreement(oracle: str, case: Case, answer: Answer, truth: Enclosure, allowance: Answer) -> float:
    """The oracle's largest error / allowed on a case.

    Raises CouldNotGradeError where that is more than 1: then somebody is wrong, and no key is made.
    """
    allowed = {q: allowance[q] + np.abs(truth.low[q]) + truth.radius[q] for q in case.quantities}
    records = compare(answer, truth.high, allowed, "float64")
    for record in records:
        if record.verdict == "disagrees":
            raise CouldNotGradeError(
                f"{oracle} does not agree with the certified answers, so there is no key: {record.explanation('Arb')} "
                f"in {case.to_json()}"
            )
    return max((record.ratio for record in records if record.verdict == "agrees"), default=0.0)


def _answers(
    assignment: Assignment, networks: Sequence[Network], truth: dict[Case, Enclosure], allowed: dict[Case, Bounds]
) -> tuple[dict[str, Array], dict[str, dict[str, Array]]]:
    """The answers of each function, network by network, and for each dtype what is allowed."""
    answers: dict[str, Array] = {}
    allowances: dict[str, dict[str, Array]] = {dtype: {} for dtype in assignment.dtypes}
    for function in assignment.functions:
        asked = [(asked_case(function, network), q) for network in networks for q, _, _ in layout(function, network)]
        answers[function] = np.concatenate([truth[case].high[q].ravel() for case, q in asked])
        beside = np.concatenate([(np.abs(truth[case].low[q]) + truth[case].radius[q]).ravel() for case, q in asked])
        for i, dtype in enumerate(assignment.dtypes):
            bound = np.concatenate([allowed[case].allowances[i][q].ravel() for case, q in asked])
            allowances[dtype][function] = bound + beside
        if function == "relu_prime" and assignment.relu_prime_at_zero == "any":
            at_zero = np.concatenate([case.x.ravel() for case, _ in asked]) == 0
            answers[function][at_zero] = 0.5
            for dtype in assignment.dtypes:
                allowances[dtype][function][at_zero] = 0.5
    return answers, allowances
