"""Training, differentially: descent in NumPy, PyTorch and JAX from the same start, compared after every step."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

import numpy as np

from backproof.oracles.bounds import NUMPY
from backproof.oracles.case import Case
from backproof.oracles.trajectory import Followed, Run, follow
from backproof.reference_impl.contract import DEFAULT_LOSS, Array, Parameters
from backproof.reference_impl.descent import descent, table
from backproof.studies.claims.claim import Comparison, Training
from backproof.studies.claims.equations import Bench
from backproof.studies.claims.practice import practices
from backproof.verification.document import finite

STEPS = 60
TABLES = 8

# Hidden and last activation, widths, and the learning rate; under the last one descent ends up diverging.
RUNS: dict[str, tuple[tuple[str, str], tuple[int, ...], float]] = {
    "sigmoids, as in N11": (("sigmoid", "sigmoid"), (2, 4, 1), 2.0),
    "ReLUs": (("relu", "identity"), (2, 6, 1), 0.2),
    "tanh, at a rate that is too large": (("tanh", "identity"), (2, 3, 1), 2.0),
}


def start(activations: tuple[str, str], widths: tuple[int, ...], learning_rate: float, seed: int) -> Case:
    """The notes' tables, and a network that is to learn their areas."""
    rng = np.random.default_rng([7, seed])
    x, y = table(TABLES, seed)
    layers = list(itertools.pairwise(widths))
    hidden, output = activations
    return Case(
        weights=tuple(rng.standard_normal((k, received)) / received**0.5 for received, k in layers),
        biases=tuple(np.zeros(k) for k in widths[1:]),
        x=x,
        y=y,
        activations=(hidden,) * (len(layers) - 1) + (output,),
        loss=DEFAULT_LOSS,
        learning_rate=learning_rate,
    )


def numpy_descent(case: Case, steps: int) -> list[Parameters]:
    """The weights and biases that `reference_impl.descent` has before the first step and after each."""
    found: list[Parameters] = [(list(case.weights), list(case.biases))]
    step = partial(descent, learning_rate=case.learning_rate, steps=1)
    with np.errstate(over="ignore", invalid="ignore"):  # where the learning rate is too large
        for _ in range(steps):
            weights, biases, _ = step(*found[-1], case.x, case.y, case.activations, case.loss)
            found.append((weights, biases))
    return found


def train(bench: Bench) -> list[Training]:
    """All runs, followed side by side in NumPy and in the frameworks among the witnesses."""
    return [train_one(name, start(*settings, bench.seed), bench) for name, settings in RUNS.items()]


def train_one(name: str, case: Case, bench: Bench) -> Training:
    """One network's descent, by everybody, beside the exact path."""
    arithmetic = {oracle.name: oracle.arithmetic for oracle in bench.oracles}
    runs = {"numpy": Run(numpy_descent(case, STEPS), NUMPY["float64"])}
    for framework, practice in practices(bench):
        runs[framework] = Run(practice.descent(case, STEPS), arithmetic[framework])
    comparisons = list(compare_all(runs, follow(case, runs)))
    checked = min(sum(allowed is not None for allowed in one.allowed) for one in comparisons) - 1
    ratios = [np.inf if ratio is None else ratio for one in comparisons for ratio in one.ratio[: checked + 1]]
    worst = max(ratios)
    return Training(
        network=f"{name}: {case.architecture}, {TABLES} tables, learning rate {case.learning_rate:g}",
        steps=STEPS,
        parameters=runs["numpy"].values.shape[1],
        within=worst <= 1,
        checked=checked,
        worst=finite(worst),
        comparisons=comparisons,
    )


def compare_all(runs: dict[str, Run], followed: dict[str, Followed]) -> Iterator[Comparison]:
    """Every run against the exact path, then NumPy's against each of the others."""
    for name, run in followed.items():
        yield _compare(f"{name} and the exact path", run.error, run.allowed)
    own, *others = runs
    for name in others:
        error = np.abs(runs[own].values - runs[name].values)
        yield _compare(f"{own} and {name}", error, followed[own].allowed + followed[name].allowed)


def _compare(between: str, error: Array, allowed: Array) -> Comparison:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(error == 0, 0.0, error / allowed)
    bounded = np.isfinite(allowed).all(axis=1)
    return Comparison(
        between=between,
        error=[finite(value) for value in error.max(axis=1)],
        allowed=[finite(value) for value in allowed.max(axis=1)],
        ratio=[finite(value) for value in np.where(bounded, ratio.max(axis=1), np.nan)],
    )
