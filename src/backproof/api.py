"""The public API: every function that Backproof offers, what it takes and gives, and a call to where that is done.

They are reached as `backproof.verify` and so on. Nothing here imports PyTorch, JAX or what reports are made with until
it is called for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from backproof.grader.assignment import CouldNotGradeError
from backproof.grading import (
    check_assignment,
    forget,
    grade,
    grade_class,
    make_key,
    new_assignment,
    write_autograder,
)
from backproof.oracles.beside import begin
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import Architecture, find_case
from backproof.studies.frameworks.settings import Settings as FrameworkSettings
from backproof.studies.power.plan import Plan
from backproof.verification.campaign import (
    DEFAULT_IMPLEMENTATION,
    Campaign,
    CouldNotRunError,
    Grade,
    Limits,
    Progress,
    digest_of_case,
)
from backproof.verification.convention import Convention
from backproof.verification.given import Source, is_given, source_of
from backproof.verification.implementation import CouldNotLoadError, load_implementation
from backproof.verification.judgement import Judgement, judge_one

if TYPE_CHECKING:
    from backproof.oracles.conventions.checks import Outcome
    from backproof.reports.report import Report
    from backproof.studies.bench.bench import Bench
    from backproof.studies.claims.claim import Claims
    from backproof.studies.frameworks.report import FrameworksReport
    from backproof.studies.inference.inference import Inference
    from backproof.studies.power.report import PowerReport
    from backproof.studies.tolerance.advice import Advice
    from backproof.verification.run import Run

__all__ = [
    "Convention", "CouldNotGradeError", "CouldNotLoadError", "CouldNotRunError", "Limits", "bench",
    "check_assignment", "check_conventions", "claims", "continue_verification", "forget", "frameworks", "grade",
    "grade_class", "infer", "make_key", "new_assignment", "power", "replay", "replay_framework", "script",
    "tolerance", "verify", "write_autograder", "write_page",
]  # fmt: skip

DEFAULTS = Campaign()

# Of so many samples, and so many networks, where the architecture is given.
BATCH, OF_ONE_ARCHITECTURE = 32, 4

# Where reports and grades go, unless a folder is named.
DEFAULT_OUT = "backproof-report"
DEFAULT_POWER_OUT = "backproof-power"
DEFAULT_FRAMEWORKS_OUT = "backproof-frameworks"


def verify(
    implementation: Source = DEFAULT_IMPLEMENTATION,
    *,
    networks: int | None = None,
    seed: int = DEFAULTS.seed,
    profile: str = DEFAULTS.profile,
    layers: Sequence[int] = (),
    activations: Sequence[str] | None = None,
    loss: str | None = None,
    batch: int = BATCH,
    case: str | Path | None = None,
    dtypes: Sequence[str] = DEFAULTS.dtypes,
    oracles: Sequence[str] = DEFAULTS.oracles,
    grade: Grade = DEFAULTS.grade,
    attribute: bool = DEFAULTS.attribute,
    strict: bool = DEFAULTS.strict,
    baseline: str | Path | None = None,
    out: str | Path = DEFAULT_OUT,
    jobs: int = 1,
    scheduler: str | None = None,
    watched: bool = False,
    limits: Limits | None = None,
    page: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Compare an implementation with oracles on random networks, write a report into `out`, and return it.

    Of networks a thousand are drawn as the profile says; or four of one architecture, of `layers`, the widths
    k_0, ..., k_L, with what is usual for activations and loss where these are not given; or there is the one in the
    file `case` (`oracles.case_files`).

    implementation: a module's name, or the path of a .py file, with functions of the contract
    (`backproof.reference_impl.contract.Implementation`); or what is at hand: a module, an object, a class, a dict of
    functions such as a notebook's `globals()`, or one function under its name, which is judged in this process. page:
    write the report as a page and as Markdown, too, as `write_page` does later. The other parameters are those of
    `backproof verify --help`. A script that asks for several jobs, or to be watched, starts processes from its file: it
    has to call this under `if __name__ == "__main__"`.

    baseline: an earlier report.json. Strictly then, but for the differences that it has; a mistake is one all the same.

    watched: the implementation works in a process of its own. What ends that, or takes longer than the limits say, is a
    failure, and named. Otherwise it works in this one, and nobody watches.

    About few networks, PyTorch and JAX are asked in processes of their own, unless they are loaded here already; these
    load side by side, and stay for the next question.

    An earlier report in `out` is replaced once the implementation is loaded. Only one verification works in a folder
    at a time. Where the report cannot be written, `progress` is told, and it is returned all the same.

    Raises ValueError for a setting that is unknown or out of range, `CouldNotRunError` where the verification
    cannot be carried out, and ImportError where the extra "verify" is not installed.
    """
    from backproof.reports.report import known_differences

    source = source_of(implementation)
    if is_given(source) and (jobs > 1 or scheduler is not None or watched):
        raise ValueError("what is at hand is judged in this process alone: write it into a file for jobs or limits")
    architecture = Architecture.usual(layers, activations, loss, batch) if layers else None
    few = 1 if case else OF_ONE_ARCHITECTURE if layers else DEFAULTS.networks
    campaign = Campaign(
        few if networks is None else networks, seed, profile, tuple(dtypes), tuple(oracles), grade, attribute,
        strict or baseline is not None, architecture, str(case or ""), digest_of_case(str(case)) if case else "",
        known_differences(baseline) if baseline is not None else None,
    )  # fmt: skip
    if campaign.small and jobs == 1 and scheduler is None and not watched:
        begin(campaign.oracles)  # while this process loads what it needs itself

    from backproof.verification.run import verify

    running = verify(source, campaign, out, progress, jobs=jobs, scheduler=scheduler, watched=watched, limits=limits)
    return told(running, progress, page=page)


def continue_verification(
    out: str | Path = DEFAULT_OUT,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    watched: bool = False,
    limits: Limits | None = None,
    page: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Continue the verification in the folder `out` where it was interrupted, and return its report.

    Raises ValueError where there is none that could be continued, and otherwise as `verify` does.
    """
    from backproof.verification.run import resume

    running = resume(out, progress, jobs=jobs, scheduler=scheduler, watched=watched, limits=limits)
    return told(running, progress, page=page)


def told(running: AbstractContextManager[Run], progress: Progress | None = None, *, page: bool = False) -> Report:
    """The report of a run, and its page; what cannot be written costs the file and not the verdict."""
    from backproof.reports.verdict import report_on

    with running as run:
        try:
            return report_on(run, progress)
        finally:
            if page:
                from backproof.studies.chapters import write_page_of

                try:
                    write_page_of(run.store.folder)
                except (OSError, ValueError) as error:
                    (progress or Progress()).note(f"The page could not be written: {error}.")


def write_page(out: str | Path = DEFAULT_OUT) -> None:
    """Write report.html and report.md into the folder `out`, of the report and the claims that are there.

    Raises ValueError where there are none that this version could read, `CouldNotRunError` where a verification works
    there, and OSError where the files cannot be written.
    """
    from backproof.studies.chapters import write_page_of
    from backproof.verification.folders import absolute
    from backproof.verification.holding import held

    with held(folder := absolute(out)):
        write_page_of(folder)


def replay(
    case: str,
    *,
    implementation: Source = DEFAULT_IMPLEMENTATION,
    dtype: str = DTYPES[0],
    oracles: Sequence[str] = DEFAULTS.oracles,
    grade: Grade = DEFAULTS.grade,
    attribute: bool = DEFAULTS.attribute,
) -> Judgement:
    """Judge an implementation on one case: a name such as "v3:kinks:0:17", JSON, or the path of a JSON file.

    Raises ValueError where the text names no case or a setting is unknown, and otherwise as `verify` does.
    """
    return judge_one(find_case(case).cast(dtype), source_of(implementation), tuple(oracles), grade, attribute=attribute)


def replay_framework(case: str, *, framework: str, dtype: str = DTYPES[0]) -> Judgement:
    """Hold a framework, such as "torch-eager", against the certified values of one case, rounded to the dtype first.

    Raises ValueError where the text names no case, or for an unknown framework, and `CouldNotRunError` where the
    framework cannot work here.
    """
    from backproof.studies.frameworks.replay import judge_backend

    return judge_backend(find_case(case), framework, dtype)


def script(case: str, *, framework: str, dtype: str = DTYPES[0]) -> str:
    """A script that computes one case in PyTorch or JAX and compares it with the exact values, to hand on.

    It needs NumPy and the framework alone. Raises as `replay_framework` does.
    """
    from backproof.studies.frameworks.script import script

    return script(find_case(case), framework, dtype)


def check_conventions() -> Outcome:
    """Hold the catalogue of conventions against the frameworks that are installed.

    Raises ImportError where one of them is not.
    """
    from backproof.oracles.conventions.checks import check

    return check()


def frameworks(
    *,
    networks: int = FrameworkSettings.networks,
    slow_networks: int = FrameworkSettings.slow_networks,
    seed: int = FrameworkSettings.seed,
    profile: str = FrameworkSettings.profile,
    dtypes: Sequence[str] = FrameworkSettings.dtypes,
    frameworks: Sequence[str] = FrameworkSettings.frameworks,
    out: str | Path = DEFAULT_FRAMEWORKS_OUT,
    progress: Progress | None = None,
) -> FrameworksReport:
    """Compare NumPy, PyTorch and JAX with certified values and each other, write a report into `out`, and return it.

    The parameters are those of `backproof frameworks --help`. Raises ValueError for a setting that is unknown or
    out of range, `CouldNotRunError` where the comparison cannot be carried out, and ImportError where the extra
    "verify" is not installed.
    """
    from backproof.studies.frameworks.campaign import frameworks as compare

    settings = FrameworkSettings(networks, slow_networks, seed, profile, tuple(dtypes), tuple(frameworks))
    return compare(settings, out, progress)


def tolerance(
    *,
    layers: Sequence[int],
    activations: Sequence[str],
    loss: str,
    batch: int = BATCH,
    dtype: str = "float32",
    draws: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> Advice:
    """What to allow when two implementations of networks of one architecture are compared.

    layers: the widths k_0, ..., k_L; activations: one for each layer after the first. The parameters are those of
    `backproof tolerance --help`. Raises ValueError where they do not fit together, `CouldNotRunError` where there
    are not two frameworks to compare, and ImportError where the extra "verify" is not installed.
    """
    from backproof.studies.tolerance.advice import Question, advise

    return advise(Question(Architecture(tuple(layers), tuple(activations), loss, batch), dtype, draws, seed), progress)


def infer(implementation: Source = DEFAULT_IMPLEMENTATION, *, write: str | Path | None = None) -> Inference:
    """Find out by experiment which conventions an implementation follows: loss, scale, slopes at 0, shapes.

    implementation: as `verify` takes it. write: a .py file to write, an adapter with the convention that was found.

    Raises ValueError for `write` where there is no file that it could call, `CouldNotRunError` where there is nothing
    that conventions could be told by, or that could be written, and `CouldNotLoadError`.
    """
    from backproof.studies.inference.inference import infer

    source = source_of(implementation)
    if write is not None and is_given(source):
        raise ValueError("what is at hand has no file that an adapter could call: write it into one first")
    return infer(load_implementation(source), None if write is None else Path(write))


def power(
    *,
    parts: Sequence[str] = Plan.parts,
    networks: int = Plan.networks,
    alarm_networks: int = Plan.alarm_networks,
    seed: int = Plan.seed,
    oracle: str = Plan.oracle,
    workers: int = Plan.workers,
    out: str | Path = DEFAULT_POWER_OUT,
    progress: Progress | None = None,
) -> PowerReport:
    """Measure how good the suite itself is, write a report into `out`, and return it.

    The parameters are those of `backproof power --help`. Raises ValueError for a setting that is unknown or out of
    range, `CouldNotRunError` where a part cannot be run, and ImportError where the extra "dev" is not installed.
    """
    from backproof.studies.power.laboratory import power

    return power(Plan(tuple(parts), networks, alarm_networks, seed, oracle, workers), Path(out), progress)


def bench(
    *, networks: int = 20_000, jobs: int | None = None, out: str | Path | None = None, progress: Progress | None = None
) -> Bench:
    """Time Backproof on so many networks beside the usual methods, and write bench.json into `out`, if that is given.

    Raises ImportError where the extra "verify" is not installed, and OSError where `out` cannot be written.
    """
    from backproof.studies.bench.bench import bench, write_bench

    found = bench(networks, jobs, progress)
    if out is not None:
        write_bench(found, Path(out))
    return found


def claims(*, seed: int = 0, out: str | Path = DEFAULT_OUT, progress: Progress | None = None) -> Claims:
    """Try every statement of the notes by running, write claims.json and its chapter of the report, and return them.

    seed: of the random networks and starts. out: the folder to write into, which may have a verification's report;
    any address that fsspec knows will do.

    Raises `CouldNotRunError` where that cannot be carried out, and ImportError where the extra "verify" is not
    installed.
    """
    from backproof.studies.claims.trial import try_notes

    return try_notes(out, seed, progress)
