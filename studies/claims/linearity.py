"""N18: networks without activation collapsed into one affine map, and the notes' tables learned without and with one.

What a collapsed map W x + b may be off by: W comes of the same sums as the network's outputs for unit vectors without
biases, and b of those for 0, whose bounds are derived (`oracles.bounds`); then the map itself rounds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Answer, Case, Quantity
from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import STATEMENTS, Formula
from backproof.reference_impl.contract import DEFAULT_LOSS, Array, Layers
from backproof.reference_impl.descent import descent, table
from backproof.studies.claims.claim import Check, Claim, Evidence, Measurement
from backproof.studies.claims.equations import Bench, Networks, check_of, say, sentence
from backproof.studies.claims.learning import best_linear_fit, he
from backproof.studies.claims.measured import BEST, LOSS
from backproof.studies.claims.networks import affine_networks
from backproof.studies.claims.statistics import METHOD, median
from backproof.studies.claims.witnesses import Known, try_on

COLLAPSED = Networks("networks without activation, collapsed into one affine map", affine_networks)

TABLES, STARTS, STEPS, SHOWN = 25, 8, 800, 100


class Trained(NamedTuple):
    """What is trained on the notes' tables: widths, the hidden layers' activation, the learning rate."""

    widths: tuple[int, ...]
    activation: str
    learning_rate: float


LINEAR = {
    "no hidden layer": Trained((2, 1), "identity", 0.3),
    "8 hidden neurons, linear": Trained((2, 8, 1), "identity", 0.1),
    "8 and 8 hidden neurons, linear": Trained((2, 8, 8, 1), "identity", 0.03),
}
ACTIVE = {
    "8 hidden neurons, sigmoid": Trained((2, 8, 1), "sigmoid", 1.0),
    "8 hidden neurons, ReLU": Trained((2, 8, 1), "relu", 0.3),
    "8 hidden neurons, tanh": Trained((2, 8, 1), "tanh", 0.3),
}


def try_linearity(bench: Bench) -> Claim:
    """The verdict on N18: whether layers without activation come to one, and whether training finds nothing better."""
    collapse = as_printed.readings()["N18"]["as printed"]
    known = [_of_collapsed(one, collapse) for one in bench.known(COLLAPSED)]
    outcomes = try_on(known, partial(_output, collapse))
    collapsed = check_of("as printed", COLLAPSED.words, outcomes)
    learned = {name: [_train(what, (bench.seed, s)) for s in range(STARTS)] for name, what in (LINEAR | ACTIVE).items()}
    x, y = table(TABLES, bench.seed)
    fit = best_linear_fit(x, y)
    never, below = _checks(learned, fit.loss, _loss_allowed([fit.weights], [fit.bias], x, y, ("identity",)))
    linear = all(check.agreeing == check.tried for check in (collapsed, *never))
    better = sum(check.agreeing for check in below)
    return Claim(
        id="N18",
        statement=STATEMENTS["N18"],
        reading="linear is what N1 is, w · x + b; to fit better is to have a smaller loss than the best linear fit has",
        verdict="holds" if linear and better else "fails as printed",
        evidence=Evidence(
            summary=f"{sentence([say('as printed', outcomes, COLLAPSED)])} Of {len(never) * STARTS} networks without "
            f"activation, trained on the notes' tables, {sum(check.agreeing for check in never)} never get below "
            f"{fit.loss:.3g}, the loss of the best linear fit; with an activation in one hidden layer {better} of "
            f"{len(below) * STARTS} do.",
            checks=[collapsed, *never, *below],
            measurements=_measure(learned, fit.loss),
            method=f"{STARTS} starts of each network on {TABLES} tables, {STEPS} steps. {METHOD}",
        ),
    )


def _output(collapse: Formula, case: Case) -> Answer:
    W, b = collapse(case.weights, case.biases)
    return {Quantity("output", case.depth): case.x @ W.T + b}


def _of_collapsed(known: Known, collapse: Formula) -> Known:
    """The same network, with the bound of the collapsed map in place of the network's own."""
    case, last = known.case, Quantity("output", known.case.depth)
    units = replace(case, x=np.eye(case.widths[0]), y=np.zeros((case.widths[0], case.widths[-1])))
    units = replace(units, biases=tuple(np.zeros_like(b) for b in case.biases))
    origin = replace(case, x=np.zeros((1, case.widths[0])), y=case.y[:1])
    W, b = collapse(case.weights, case.biases)
    one = replace(case, weights=(W,), biases=(b,), activations=("identity",))
    of_W, of_b, of_map = (found.allowances[0] for found in bounds([units, origin, one], [NUMPY["float64"]]))
    allowed = np.abs(case.x) @ of_W[last] + of_b[last] + of_map[Quantity("output", 1)]
    return replace(known, own={last: allowed})


class Learned(NamedTuple):
    """The losses before, between and after the steps, and what rounding may do to the last of them."""

    losses: Array
    allowed: float


def _train(what: Trained, seed: tuple[int, int]) -> Learned:
    x, y = table(TABLES, seed[0])
    network = he(np.random.default_rng([11, *seed]), what.widths)
    activations = (what.activation,) * (len(what.widths) - 2) + ("identity",)
    with np.errstate(over="ignore", invalid="ignore"):
        weights, biases, losses = descent(*network, x, y, activations, learning_rate=what.learning_rate, steps=STEPS)
    diverged = not np.isfinite(losses[-1])
    return Learned(np.array(losses), 0.0 if diverged else _loss_allowed(weights, biases, x, y, activations))


def _loss_allowed(weights: Layers, biases: Layers, x: Array, y: Array, activations: tuple[str, ...]) -> float:
    """The derived bound of a network's loss."""
    case = Case(tuple(weights), tuple(biases), x, y, activations, DEFAULT_LOSS, 1.0)
    (found,) = bounds([case], [NUMPY["float64"]])
    return float(found.allowances[0][Quantity("loss")])


def _checks(learned: dict[str, list[Learned]], best: float, allowed: float) -> tuple[list[Check], list[Check]]:
    """Of networks without activation that no loss is below the best, of the others that the last one is."""
    never = [
        Check(
            "no loss is below that of the best linear fit",
            f"trained networks, {name}",
            STARTS,
            sum(not np.any(one.losses < best - one.allowed - allowed) for one in learned[name]),
        )
        for name in LINEAR
    ]
    below = [
        Check(
            "the loss gets below that of the best linear fit",
            f"trained networks, {name}",
            STARTS,
            sum(bool(one.losses[-1] < best - one.allowed - allowed) for one in learned[name]),
        )
        for name in ACTIVE
    ]
    return never, below


def _measure(learned: dict[str, list[Learned]], best: float) -> list[Measurement]:
    found = [
        median(LOSS, name, step, [one.losses[step] for one in starts])
        for name, starts in learned.items()
        for step in range(0, STEPS + 1, SHOWN)
    ]
    return [*found, *(Measurement(LOSS, BEST, float(step), best) for step in (0, STEPS))]
