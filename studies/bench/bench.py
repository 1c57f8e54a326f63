"""The benchmark: all methods on the same networks in one run, where backproof's time goes, and single passes."""

from __future__ import annotations

import math
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import threadpoolctl
from msgspec import Meta
from upath import UPath

from backproof.mistakes.catalogue import MISTAKES
from backproof.oracles.case import Case
from backproof.oracles.draw import draw_case
from backproof.oracles.registry import Oracle
from backproof.reports.environment import environment
from backproof.studies.bench.bounding import Bounding, measure_bounding
from backproof.studies.bench.enclosures import Enclosing, measure_enclosures
from backproof.studies.bench.methods import METHODS, compiled_anew, passes
from backproof.studies.bench.sizes import Size, measure_sizes
from backproof.verification.campaign import DEFAULT_IMPLEMENTATION, Campaign, Progress, load_oracles
from backproof.verification.document import Document
from backproof.verification.execution import Task, judges
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from backproof.verification.judgement import judge
from backproof.verification.part import computing
from backproof.verification.store import Manifest, Store

SCHEMA_VERSION = "1.2"

# Networks that backproof judges before it is timed, so that nothing is left to compile.
WARM_UP = 4096

# How many networks each of the slow methods judges for its rate, and how many everybody does for its power.
TIMED, TRIED = 16, 6


class MethodOutcome(msgspec.Struct, frozen=True):
    """A method's rate on networks of different architectures, and what it catches."""

    method: str
    networks: Annotated[int, Meta(description="Networks that were judged for the rate")]
    architectures: Annotated[int, Meta(description="How many different architectures they have")]
    networks_per_second: float
    ratio: Annotated[float, Meta(description="That rate over the plain loop's")]
    false_alarms: Annotated[int, Meta(description="Networks of those tried on which it rejects what is right")]
    caught: Annotated[int, Meta(description="Planted mistakes that it catches on the others")]
    missed: list[str]


class Stage(msgspec.Struct, frozen=True):
    """How long a stage of backproof's own run takes."""

    stage: str
    microseconds_per_network: float
    share: float


class Bench(Document, frozen=True):
    """What `backproof bench` found."""

    schema_version: str
    networks: Annotated[int, Meta(description="Networks that backproof judged, of profile all, in float64")]
    mistakes: Annotated[int, Meta(description="Planted mistakes, each tried on the same networks")]
    tried: Annotated[int, Meta(description="Networks on which mistakes were tried")]
    methods: list[MethodOutcome]
    stages: list[Stage]
    bare_share: Annotated[
        float,
        Meta(description="The share of the implementation's bare calls and both frameworks' arithmetic in one process"),
    ]
    sizes: list[Size]
    bounding: list[Bounding]
    enclosures: list[Enclosing]
    environment: dict[str, str]


def bench(networks: int, jobs: int | None = None, progress: Progress | None = None) -> Bench:
    """Time backproof on so many networks, in `jobs` processes, and the usual methods on the first few.

    All of them judge `reference_impl` in float64 against PyTorch and JAX. jobs: as many as there are processors, unless
    given. Of several the rate is that of the second half of the networks: without the start, and without the report.
    """
    progress = progress or Progress()
    campaign = Campaign(networks=networks, dtypes=("float64",))
    oracles, reference = load_oracles(campaign.oracles, progress), load_implementation(DEFAULT_IMPLEMENTATION)
    with threadpoolctl.threadpool_limits(limits=1):
        cases = campaign.draw(range(TIMED))
        rivals = {name: _rate_of(name, cases, reference, progress) for name in METHODS}
    progress.stage("judging networks in one process")
    stages, rate, bare = _in_one_process(campaign, reference)
    jobs, name = jobs or os.cpu_count() or 1, "backproof"
    if jobs > 1:
        name, rate = f"backproof, {jobs} jobs", _in_processes(campaign, jobs, progress)
    rates = {**rivals, name: rate}
    architectures = {**dict.fromkeys(rivals, _architectures(cases)), name: _drawn_architectures(campaign)}
    counts = {**dict.fromkeys(rivals, TIMED), name: networks}
    power = _power(oracles, progress)
    progress.stage("timing single passes")
    with threadpoolctl.threadpool_limits(limits=1):
        sizes, bounding, enclosures = measure_sizes(), measure_bounding(), measure_enclosures()
    plain = rates[next(iter(METHODS))]
    return Bench(
        schema_version=SCHEMA_VERSION,
        networks=networks,
        mistakes=len(MISTAKES),
        tried=TRIED,
        methods=[
            MethodOutcome(name, counts[name], architectures[name], rate, rate / plain, *power[_method(name)])
            for name, rate in rates.items()
        ],
        stages=stages,
        bare_share=bare,
        sizes=sizes,
        bounding=bounding,
        enclosures=enclosures,
        environment=environment(),
    )


def _method(name: str) -> str:
    """What catches mistakes under a name: the number of jobs makes no difference."""
    return "backproof" if name.startswith("backproof") else name


def _rate_of(name: str, cases: list[Case], reference: Implementation, progress: Progress) -> float:
    """Networks a second; JAX compiles for each."""
    progress.stage(f"timing {name}")
    passes(METHODS[name], reference, draw_case(1, 0))  # what a first call sets up is not counted
    with compiled_anew():
        started = time.perf_counter()
        for case in cases:
            passes(METHODS[name], reference, case)
        return len(cases) / (time.perf_counter() - started)


class _Stopwatch(Progress):
    """Adds up the time between one stage and the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "", time.perf_counter()

    def stage(self, text: str) -> None:
        """The stage before ends here."""
        now = time.perf_counter()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = text, now


def _in_one_process(campaign: Campaign, reference: Implementation) -> tuple[list[Stage], float, float]:
    """The stages of a run, its networks a second, and the share of what could not be done without."""
    warm_up = Campaign(networks=WARM_UP, dtypes=campaign.dtypes, seed=1)
    _run(warm_up, 1, Progress())
    watch = _Stopwatch()
    started = time.perf_counter()
    _run(campaign, 1, watch)
    watch.stage("")
    seconds = time.perf_counter() - started
    spent = {stage: spent for stage, spent in watch.seconds.items() if stage and not stage.startswith("loading")}
    total = sum(spent.values())
    bare = _bare_calls(campaign, reference) + sum(spent[computing(oracle)] for oracle in campaign.oracles)
    found = [Stage(stage, part / campaign.networks * 1e6, part / total) for stage, part in spent.items()]
    return found, campaign.networks / seconds, bare / total


def _bare_calls(campaign: Campaign, reference: Implementation) -> float:
    """Seconds that the implementation's functions take on the campaign's networks, called with nothing around them."""
    functions, seconds = reference.functions, 0.0
    for part in campaign.parts:
        for case in campaign.draw(part):
            parameters, x = (case.weights, case.biases), case.x
            gradients, prediction = case.step_gradients(), case.y
            with np.errstate(all="ignore"):
                started = time.perf_counter()
                functions["forward"](*parameters, x, case.activations)
                functions["backward"](*parameters, x, case.y, case.activations, case.loss)
                functions["loss"](prediction, case.y, case.loss)
                for name in ("sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax"):
                    functions[name](x)
                functions["gradient_descent_step"](*parameters, *gradients, case.learning_rate)
                seconds += time.perf_counter() - started
    return seconds


class _Steady(Progress):
    """The rate of the second half of the networks: without the start of processes, and without what they compile."""

    def __init__(self, networks: int) -> None:
        self._before, self._counted = networks / 2, 0
        self._since = self._last = math.nan

    def judged(self, networks: int = 1) -> None:
        """Count those that come once half of all have been judged."""
        self._last = time.perf_counter()
        if self._before > 0:
            self._before -= networks
            self._since = self._last
        else:
            self._counted += networks

    @property
    def rate(self) -> float:
        """Networks a second; NaN where none came after the first half."""
        return self._counted / (self._last - self._since) if self._counted else math.nan


def _in_processes(campaign: Campaign, jobs: int, progress: Progress) -> float:
    """Networks a second."""
    progress.stage(f"judging networks in {jobs} processes")
    steady = _Steady(campaign.networks)
    _run(campaign, jobs, steady)
    return steady.rate


def _run(campaign: Campaign, jobs: int, progress: Progress) -> None:
    """Judge `reference_impl` and keep the records in a folder that is not kept."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Manifest(campaign, DEFAULT_IMPLEMENTATION, {}, {})
        store = Store.begun(UPath(folder), manifest)
        task = Task(campaign, DEFAULT_IMPLEMENTATION, str(store.folder), store.fingerprint)
        with judges(campaign, jobs=jobs, watched=True) as those:
            those.judge(task, range(len(campaign.parts)), progress)


def _architectures(cases: list[Case]) -> int:
    """How many differ in what a function would have to be compiled for."""
    return len({_compiled_for(case) for case in cases})


def _drawn_architectures(campaign: Campaign) -> int:
    return len({_compiled_for(case) for part in campaign.parts for case in campaign.draw(part)})


def _compiled_for(case: Case) -> tuple[str, int, str]:
    return case.architecture, case.n, case.loss


def _power(oracles: list[Oracle], progress: Progress) -> dict[str, tuple[int, int, list[str]]]:
    """For every method its false alarms, how many mistakes it catches where it gives none, and which it misses."""

    def backproof(implementation: Implementation, case: Case) -> bool:
        return not any(judged.disagreements for judged in judge([case], implementation, oracles))

    found = {}
    for name, method in {**METHODS, "backproof": backproof}.items():
        cases = [draw_case(0, i) for i in range(TRIED)]
        passed = [case for case in cases if passes(method, load_implementation(DEFAULT_IMPLEMENTATION), case)]
        missed = []
        for mistake, wrong in MISTAKES.items():
            progress.stage(f"trying {mistake} on {name}")
            implementation = as_implementation(wrong())
            if all(passes(method, implementation, case) for case in passed):
                missed.append(mistake)
        found[name] = len(cases) - len(passed), len(MISTAKES) - len(missed), missed
    return found


def write_bench(found: Bench, folder: Path) -> None:
    """Write bench.json into the folder.

    Raises OSError where it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_bytes(found.to_json())
