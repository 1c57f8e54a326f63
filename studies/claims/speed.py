"""N17: the same layer one neuron or one sample at a time and all at once, timed where it runs.

What is timed has a field of its own: it differs from run to run. The verdict rests on medians, and asks for margins far
from the usual ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import threadpoolctl

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Case, Quantity
from backproof.reference_impl import as_printed
from backproof.reference_impl.as_printed import STATEMENTS
from backproof.reference_impl.contract import DEFAULT_LOSS, Array
from backproof.studies.claims.claim import Check, Claim, Crossover, Evidence, Speed
from backproof.verification.wording import conjoin

SIZES = tuple(2**i for i in range(9))
NEURONS = 32  # of a layer whose samples are counted

# How many times as long a loop takes at least, at the largest size; a hundred is usual.
MUCH = 3.0

REPEATS, SHORTEST = 7, 5e-4  # so many measurements of so many seconds at least

AT_ONCE = "all at once"


def at_once(W: Array, b: Array, x: Array) -> Array:
    """x W^T + b."""
    return x @ W.T + b


def neuron_by_neuron(W: Array, b: Array, x: Array) -> Array:
    """N4 as printed, without activation: a product with every neuron's weights."""
    return as_printed.layer(W, b, x, lambda z: z)


def sample_by_sample(W: Array, b: Array, x: Array) -> Array:
    """A product with every sample."""
    return np.stack([W @ row + b for row in x])


def number_by_number(W: Any, b: Any, x: Any) -> list[list[float]]:
    """Loops over samples, neurons and weights, in Python's own numbers."""
    return [
        [sum(w * v for w, v in zip(W_j, row, strict=True)) + b_j for W_j, b_j in zip(W, b, strict=True)] for row in x
    ]


@dataclass(frozen=True)
class Scale:
    """What grows; the ways to compute a layer, the one all at once last; and the layer of a size."""

    name: str
    forms: dict[str, Callable[..., Any]]
    layer: Callable[[int], tuple[Array, Array, Array]]


def _layer(neurons: int, received: int, samples: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng([12, neurons, samples])
    return (
        rng.standard_normal((neurons, received)),
        rng.standard_normal(neurons),
        rng.standard_normal((samples, received)),
    )


SCALES = (
    Scale(
        "neurons",
        {"number by number": number_by_number, "neuron by neuron": neuron_by_neuron, AT_ONCE: at_once},
        lambda k: _layer(k, k, 1),
    ),
    Scale(
        "samples",
        {"sample by sample": sample_by_sample, AT_ONCE: at_once},
        lambda n: _layer(NEURONS, NEURONS, n),
    ),
)


def try_vectors() -> tuple[Claim, list[Speed]]:
    """The verdict on N17, and the times that it rests on."""
    with threadpoolctl.threadpool_limits(1):  # several threads wait for each other where others compute as well
        times = [speed for scale in SCALES for speed in _time(scale)]
    checks = [_agreement(scale) for scale in SCALES] + [_saving(scale, times) for scale in SCALES]
    holds = all(check.agreeing == check.tried for check in checks)
    return Claim(
        id="N17",
        statement=STATEMENTS["N17"],
        reading=f"the scale is how many neurons there are, and how many samples; much time is saved where a loop takes "
        f"more than {MUCH:g} times as long",
        verdict="holds" if holds else "fails as printed",
        evidence=Evidence(
            summary=_summary(checks),
            checks=checks,
            method=f"Medians of {REPEATS} measurements of at least {SHORTEST * 1000:g} ms each, in float64, on one "
            f"thread. Neurons: for one sample, each with as many weights as there are neurons; samples: for {NEURONS} "
            "neurons. The times stand in the report's timing.",
        ),
    ), times


def _time(scale: Scale) -> list[Speed]:
    """The median time of every form at every size."""
    found = []
    for size in SIZES:
        W, b, x = scale.layer(size)
        arguments = dict.fromkeys(scale.forms, (W, b, x))
        if "number by number" in arguments:
            arguments["number by number"] = (W.tolist(), b.tolist(), x.tolist())
        for name, form in scale.forms.items():
            seconds = float(np.median([_seconds(form, arguments[name]) for _ in range(REPEATS)]))
            found.append(Speed(scale.name, size, name, seconds))
    return found


def _seconds(form: Callable[..., Any], arguments: tuple[Any, ...]) -> float:
    """How long a call takes, from as many calls as make up the shortest time to measure."""
    calls = 1
    while True:
        started = time.perf_counter()
        for _ in range(calls):
            form(*arguments)
        taken = time.perf_counter() - started
        if taken >= SHORTEST:
            return taken / calls
        calls *= 4


def crossovers(times: Sequence[Speed]) -> list[Crossover]:
    """For every loop the size from which on it is slower than all at once, at each size that was timed."""
    table = {(one.scale, one.form, one.size): one.seconds for one in times}
    found = []
    for scale, form in dict.fromkeys((one.scale, one.form) for one in times if one.form != AT_ONCE):
        slower = [table[scale, form, size] > table[scale, AT_ONCE, size] for size in SIZES]
        last = max((i for i, so in enumerate(slower) if not so), default=-1)
        found.append(Crossover(scale, form, SIZES[last + 1] if last + 1 < len(SIZES) else None))
    return found


def _agreement(scale: Scale) -> Check:
    """Whether all forms give the same outputs, up to the derived bound of each."""
    agreeing = 0
    for size in SIZES:
        W, b, x = scale.layer(size)
        case = Case((W,), (b,), x, np.zeros((len(x), len(W))), ("identity",), DEFAULT_LOSS, 1.0)
        (found,) = bounds([case], [NUMPY["float64"]])
        allowed = 2 * found.allowances[0][Quantity("output", 1)]
        outputs = [np.array(form(W, b, x)) for form in scale.forms.values()]
        agreeing += all(bool((np.abs(output - outputs[-1]) <= allowed).all()) for output in outputs)
    return Check("all ways give the same outputs", f"sizes, {scale.name}", len(SIZES), agreeing)


def _saving(scale: Scale, times: Sequence[Speed]) -> Check:
    """How many loops take much longer at the largest size."""
    largest = {one.form: one.seconds for one in times if (one.scale, one.size) == (scale.name, SIZES[-1])}
    loops = [seconds for form, seconds in largest.items() if form != AT_ONCE]
    slower = sum(seconds > MUCH * largest[AT_ONCE] for seconds in loops)
    return Check(
        f"it takes more than {MUCH:g} times as long as {AT_ONCE}",
        f"loops at {SIZES[-1]} {scale.name}",
        len(loops),
        slower,
    )


def _summary(checks: list[Check]) -> str:
    """Without times, which differ from run to run."""
    same, saving = checks[: len(SCALES)], checks[len(SCALES) :]
    slower = conjoin([f"{check.agreeing} of {check.tried} {check.scope}" for check in saving])
    return (
        f"All ways to compute a layer give the same outputs at {sum(check.agreeing for check in same)} of "
        f"{sum(check.tried for check in same)} sizes; more than {MUCH:g} times as long as {AT_ONCE} take {slower}."
    )
