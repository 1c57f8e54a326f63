"""N7: how gradients fare with depth, and how many steps training takes, for sigmoids and for ReLUs.

The bound of the first layer's gradient: let delta_i = dL/dz^(i) of one sample, and |g'| <= s, 1/4 for a sigmoid and 1
for a ReLU. Then delta_{i-1} = (W_i^T delta_i) * g'(z^(i-1)) has the norm |delta_{i-1}| <= s |W_i| |delta_i|, and
|delta_L| <= s |dL/dy'|. So |dL/dW_1| <= s^L |W_2| ... |W_L| times the sum over samples of |dL/dy'| |x|, where |W| are
spectral norms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import Case, Quantity
from backproof.oracles.strategies import INTEGERS, networks, smallest
from backproof.reference_impl.as_printed import STATEMENTS
from backproof.reference_impl.contract import DEFAULT_LOSS, Array
from backproof.reference_impl.descent import descent, table
from backproof.reference_impl.losses import loss_gradient
from backproof.reference_impl.network import backward, forward
from backproof.studies.claims.claim import Check, Claim, Counterexample, Evidence, Measurement, Verdict
from backproof.studies.claims.counterexamples import given, numbers
from backproof.studies.claims.equations import Bench
from backproof.studies.claims.learning import best_linear_fit, he
from backproof.studies.claims.measured import MOST_STEPS, NORM, SHARE, STEPS_TO_TARGET
from backproof.studies.claims.statistics import METHOD, median, wilson
from backproof.studies.claims.witnesses import CERTIFIED, hear
from backproof.verification.wording import conjoin

STEEPEST = {"sigmoid": 0.25, "relu": 1.0}
NAMES = {"sigmoid": "sigmoid", "relu": "ReLU"}

DEPTHS, WIDTH, SAMPLES, SEEDS = (1, 2, 4, 8, 16), 16, 8, 30

# The weights' standard deviations, in units of He's sqrt(2 / k).
SCALES = {"He's scale": 1.0, "half He's scale": 0.5}

# A gradient has vanished when it has lost this factor from the shallowest network to the deepest.
VANISHED = 1e-3

WIDTHS, TABLES, RATES, TRAINED = (2, 8, 8, 1), 25, (0.1, 0.3, 1.0), 16


class Gradient(NamedTuple):
    """The norm of the first layer's gradient, and what it is bounded by."""

    norm: float
    bound: float


def first_gradient(activation: str, depth: int, seed: Sequence[int], scale: float) -> Gradient:
    """Of a random network of so many layers, all of one activation; sigmoids and ReLUs get the same one."""
    rng = np.random.default_rng([8, *seed, depth])
    weights, biases = he(rng, (WIDTH,) * (depth + 1), scale)
    x, y = rng.standard_normal((2, SAMPLES, WIDTH))
    activations = (activation,) * depth
    dW, _ = backward(weights, biases, x, y, activations, DEFAULT_LOSS)
    arriving = loss_gradient(forward(weights, biases, x, activations)[-1], y, DEFAULT_LOSS)
    slopes = STEEPEST[activation] ** depth * np.prod([np.linalg.norm(W, 2) for W in weights[1:]])
    samples = (np.linalg.norm(arriving, axis=1) * np.linalg.norm(x, axis=1)).sum()
    return Gradient(float(np.linalg.norm(dW[0])), float(slopes * samples))


def steps_to_target(activation: str, learning_rate: float, seed: Sequence[int]) -> float:
    """How many steps it takes to learn the notes' tables better than any linear function can; infinite if too many."""
    x, y = table(TABLES, seed[0])
    weights, biases = he(np.random.default_rng([9, *seed]), WIDTHS)
    activations, target = (activation,) * (len(WIDTHS) - 2) + ("identity",), best_linear_fit(x, y).loss
    part = 100
    with np.errstate(over="ignore", invalid="ignore"):
        for done in range(0, MOST_STEPS, part):
            weights, biases, losses = descent(
                weights, biases, x, y, activations, learning_rate=learning_rate, steps=part
            )
            reached = np.flatnonzero(np.array(losses) < target)
            if reached.size:
                return done + int(reached[0])
            if not np.isfinite(losses[-1]):
                break
    return np.inf


Norms = dict[tuple[str, str, int], list[Gradient]]
Steps = dict[tuple[float, str], list[float]]


def try_relu(bench: Bench) -> Claim:
    """The verdict on N7: where the ReLU's gradients stay and it takes fewer steps than the sigmoid, and where not."""
    norms: Norms = {
        (scale, g, depth): [first_gradient(g, depth, (bench.seed, s), factor) for s in range(SEEDS)]
        for scale, factor in SCALES.items()
        for g in STEEPEST
        for depth in DEPTHS
    }
    steps: Steps = {
        (rate, g): [steps_to_target(g, rate, (bench.seed, s)) for s in range(TRAINED)]
        for rate in RATES
        for g in STEEPEST
    }
    measured = [*_norms(norms), *_steps(steps)]
    kept = {scale: _kept(measured, f"ReLU, {scale}") for scale in SCALES}
    faster = {f"{one.at:g}": (one.low or 0) > 0.5 for one in measured if one.what == SHARE}
    verdict, condition = find(kept, faster)
    return Claim(
        id="N7",
        statement=STATEMENTS["N7"],
        reading=f"a gradient vanishes where the first layer's loses a factor of {1 / VANISHED:g} from {DEPTHS[0]} to "
        f"{DEPTHS[-1]} layers; convergence is faster where training takes fewer steps, from most starts, to a loss "
        "that no linear function of the inputs has",
        verdict=verdict,
        evidence=Evidence(
            summary=_summary(measured, kept),
            condition=condition,
            checks=[*_bound_checks(norms), *_larger_checks(norms), *_faster_checks(steps)],
            measurements=measured,
            method=f"Gradients: {SEEDS} networks of {WIDTH} neurons in every layer, {SAMPLES} samples. Training: "
            f"{'-'.join(map(str, WIDTHS))} networks on {TABLES} tables from {TRAINED} starts at He's scale, the same "
            f"for both, up to {MOST_STEPS} steps. {METHOD}",
        ),
        counterexample=_counterexample(),
    )


def find(kept: dict[str, bool], faster: dict[str, bool]) -> tuple[Verdict, str]:
    """The verdict, from the scales at which the ReLU's gradients stay and the learning rates at which it is faster."""
    if all(kept.values()) and all(faster.values()):
        return "holds", ""
    if not any(kept.values()) or not any(faster.values()):
        return "fails as printed", ""
    return "holds if", f"the weights start at {_choice(kept)}, and the learning rate is {_choice(faster)}"


def _choice(tried: dict[str, bool]) -> str:
    """What does, and what does not."""
    does, does_not = ([name for name, so in tried.items() if so == wanted] for wanted in (True, False))
    return " or ".join(does) + (f", not {' or '.join(does_not)}" if does_not else "")


def _norms(norms: Norms) -> list[Measurement]:
    found = []
    for (scale, g, depth), gradients in norms.items():
        found.append(median(NORM, f"{NAMES[g]}, {scale}", depth, [one.norm for one in gradients]))
        found.append(median(NORM, f"bound of the {NAMES[g]}, {scale}", depth, [one.bound for one in gradients]))
    return found


def _steps(steps: Steps) -> list[Measurement]:
    found = [median(STEPS_TO_TARGET, NAMES[g], rate, reached) for (rate, g), reached in steps.items()]
    for rate in RATES:
        fewer = _fewer(steps, rate)
        low, high = wilson(fewer, TRAINED)
        found.append(Measurement(SHARE, "ReLU", rate, fewer / TRAINED, low, high, TRAINED))
    return found


def _fewer(steps: Steps, rate: float) -> int:
    """From how many starts the ReLU takes fewer steps."""
    return sum(relu < sigmoid for relu, sigmoid in zip(steps[rate, "relu"], steps[rate, "sigmoid"], strict=True))


def _norm(measured: list[Measurement], group: str, depth: int) -> Measurement:
    (found,) = [one for one in measured if (one.what, one.group, one.at) == (NORM, group, depth)]
    return found


def _kept(measured: list[Measurement], group: str) -> bool:
    """Whether the gradient has certainly not vanished at the largest depth: at the ends of the intervals, either."""
    shallow, deep = (_norm(measured, group, depth) for depth in (DEPTHS[0], DEPTHS[-1]))
    return (deep.low or 0.0) >= VANISHED * (shallow.high or np.inf)


def _bound_checks(norms: Norms) -> list[Check]:
    """Whether the proven bound holds on every network."""
    checks = []
    for g, steepest in STEEPEST.items():
        gradients = [one for (_, name, _), found in norms.items() if name == g for one in found]
        within = [one for one in gradients if one.norm <= one.bound]
        checks.append(
            Check(
                what=f"the first layer's gradient is at most {steepest:g}^L |W_2| ... |W_L| sum |dL/dy'| |x|",
                scope=f"{NAMES[g]} networks of {DEPTHS[0]} to {DEPTHS[-1]} layers",
                tried=len(gradients),
                agreeing=len(within),
                worst={"bound": max(one.norm / one.bound for one in gradients)},
            )
        )
    return checks


def _larger_checks(norms: Norms) -> list[Check]:
    """On how many of the deepest networks the ReLU's gradient is the larger one."""
    checks = []
    for scale in SCALES:
        pairs = zip(norms[scale, "relu", DEPTHS[-1]], norms[scale, "sigmoid", DEPTHS[-1]], strict=True)
        larger = sum(relu.norm > sigmoid.norm for relu, sigmoid in pairs)
        scope = f"pairs of networks of {DEPTHS[-1]} layers with the same weights, at {scale}"
        checks.append(Check("the ReLU's gradient is larger than the sigmoid's", scope, SEEDS, larger))
    return checks


def _faster_checks(steps: Steps) -> list[Check]:
    what = "the ReLU takes fewer steps than the sigmoid"
    return [Check(what, f"starts, learning rate {rate:g}", TRAINED, _fewer(steps, rate)) for rate in RATES]


def _summary(measured: list[Measurement], kept: dict[str, bool]) -> str:
    def change(name: str, scale: str) -> str:
        ends = (_norm(measured, f"{name}, {scale}", depth).value for depth in (DEPTHS[0], DEPTHS[-1]))
        return "from {:.2g} to {:.2g}".format(*ends)

    decays = [
        f"From {DEPTHS[0]} to {DEPTHS[-1]} layers the first layer's gradient goes {change('sigmoid', scale)} for "
        f"sigmoids and {change('ReLU', scale)} for ReLUs, with weights at {scale}."
        for scale in kept
    ]
    shares = [f"{one.value:.0%} of the starts at {one.at:g}" for one in measured if one.what == SHARE]
    return f"{' '.join(decays)} The ReLU takes fewer steps from {conjoin(shares)}."


def _counterexample() -> Counterexample | None:
    """The smallest network that predicts wrongly and whose ReLU has no gradient at all, where a sigmoid has one."""

    def gradients(case: Case) -> list[Array]:
        dW, db = backward(case.weights, case.biases, case.x, case.y, case.activations, case.loss)
        return [*dW, *db]

    def is_stuck(case: Case) -> bool:
        prediction = forward(case.weights, case.biases, case.x, case.activations)[-1]
        (sigmoid, *_) = gradients(replace(case, activations=("sigmoid",)))
        wrong, moving = bool((prediction != case.y).any()), bool(sigmoid.any())
        return wrong and moving and not any(g.any() for g in gradients(case))

    relus = networks(
        max_depth=1, max_width=2, max_batch=1, activations=("relu",), losses=(DEFAULT_LOSS,), numbers=INTEGERS
    )
    case = smallest(relus, is_stuck)
    if case is None:
        return None
    (known,) = hear([case], [])
    (sigmoid, *_) = gradients(replace(case, activations=("sigmoid",)))
    exact = known.expected[CERTIFIED][Quantity("dW", 1)].ravel().tolist()
    return Counterexample(
        line=f"{given(case)}: the ReLU's ∂L/∂w is {numbers(exact)}, and no step changes anything; a sigmoid's is "
        f"{numbers(sigmoid.ravel())}",
        case=case.to_json(),
        printed=[],
        exact=exact,
    )
