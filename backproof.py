"""Is this backpropagation right? The public API, and the command line.

Nothing here imports PyTorch, JAX or what reports are made with until it is called for.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from grader.assignment import DEFAULT_ASSIGNMENT, CouldNotGradeError
from grader.sandbox.launch import MODES, Mode
from oracles.case import DTYPES
from oracles.conventions import find_conventions
from oracles.draw import PROFILES, find_case
from oracles.registry import ORACLES
from reference_impl.contract import LOSSES
from reports import adapters
from reports.campaign import DEFAULT_IMPLEMENTATION, Bound, Campaign, CouldNotRunError, Grade, Progress
from reports.frameworks.backends import DTYPES as FRAMEWORK_DTYPES
from reports.frameworks.settings import FRAMEWORKS
from reports.frameworks.settings import Settings as FrameworkSettings
from reports.garbage import look_seldom
from reports.implementation import CouldNotLoadError, load_implementation
from reports.judgement import Judgement, judge_one
from reports.power.plan import PARTS, Plan
from reports.wording import not_installed

if TYPE_CHECKING:
    import grader.grade
    from grader.key import Key
    from oracles.conventions.checks import Outcome
    from reports.bench.bench import Bench
    from reports.claims.claim import Claims
    from reports.frameworks.report import FrameworksReport
    from reports.inference import Inference
    from reports.power.report import PowerReport
    from reports.report import Report
    from reports.tolerance.advice import Advice

__all__ = [
    "adapters", "bench", "check_conventions", "claims", "frameworks", "infer", "main", "power", "replay",
    "replay_framework", "script", "tolerance", "verify",
]  # fmt: skip

AGREES, DISAGREES, COULD_NOT_RUN = 0, 1, 2

DEFAULT_OUT = "backproof-report"
DEFAULT_POWER_OUT = "backproof-power"
DEFAULTS = Campaign()
DEFAULT_FRAMEWORKS_OUT = "backproof-frameworks"
DEFAULT_GRADES = "backproof-grades"


def verify(
    implementation: str = DEFAULT_IMPLEMENTATION,
    *,
    networks: int = DEFAULTS.networks,
    seed: int = DEFAULTS.seed,
    profile: str = DEFAULTS.profile,
    dtypes: Sequence[str] = DEFAULTS.dtypes,
    oracles: Sequence[str] = DEFAULTS.oracles,
    grade: Grade = DEFAULTS.grade,
    bound: Bound = DEFAULTS.bound,
    attribute: bool = DEFAULTS.attribute,
    out: str | Path = DEFAULT_OUT,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare an implementation with oracles on random networks, write a report into `out`, and return it.

    implementation: a module's name, or the path of a .py file, with functions of the contract
    (`reference_impl.contract.Implementation`). The other parameters are those of `backproof verify --help`. A script
    that asks for several jobs starts them anew from its file: it has to call this under `if __name__ == "__main__"`.

    Raises ValueError for a setting that is unknown or out of range, `reports.campaign.CouldNotRunError` where the
    verification cannot be carried out, and ImportError where the extra "verify" is not installed.
    """
    from reports.verification import verify

    campaign = Campaign(networks, seed, profile, tuple(dtypes), tuple(oracles), grade, bound, attribute)
    return verify(implementation, campaign, out, progress, jobs=jobs, scheduler=scheduler)


def continue_verification(
    out: str | Path = DEFAULT_OUT, *, jobs: int = 1, scheduler: str | None = None, progress: Progress | None = None
) -> Report:
    """Continue the verification in the folder `out` where it was interrupted, and return its report.

    Raises ValueError where there is none that could be continued, and otherwise as `verify` does.
    """
    from reports.verification import resume

    return resume(out, progress, jobs=jobs, scheduler=scheduler)


def replay(
    case: str,
    *,
    implementation: str = DEFAULT_IMPLEMENTATION,
    dtype: str = DTYPES[0],
    oracles: Sequence[str] = DEFAULTS.oracles,
    grade: Grade = DEFAULTS.grade,
    attribute: bool = DEFAULTS.attribute,
) -> Judgement:
    """Judge an implementation on one case: a name such as "v2:kinks:0:17", JSON, or the path of a JSON file.

    Raises ValueError where the text names no case or a setting is unknown, and otherwise as `verify` does.
    """
    return judge_one(find_case(case).cast(dtype), implementation, tuple(oracles), grade, attribute=attribute)


def replay_framework(case: str, *, framework: str, dtype: str = DTYPES[0]) -> Judgement:
    """Hold a framework, such as "torch-eager", against the certified values of one case, rounded to the dtype first.

    Raises ValueError where the text names no case, or for an unknown framework, and
    `reports.campaign.CouldNotRunError` where the framework cannot work here.
    """
    from reports.frameworks.replay import judge_backend

    return judge_backend(find_case(case), framework, dtype)


def script(case: str, *, framework: str, dtype: str = DTYPES[0]) -> str:
    """A script that computes one case in PyTorch or JAX and compares it with the exact values, to hand on.

    It needs NumPy and the framework alone. Raises as `replay_framework` does.
    """
    from reports.script import script

    return script(find_case(case), framework, dtype)


def check_conventions() -> Outcome:
    """Hold the catalogue of conventions against the frameworks that are installed.

    Raises ImportError where one of them is not.
    """
    from oracles.conventions.checks import check

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

    The parameters are those of `backproof frameworks --help`. Raises ValueError for a setting that is unknown or out of
    range, `reports.campaign.CouldNotRunError` where the comparison cannot be carried out, and ImportError where the
    extra "verify" is not installed.
    """
    from reports.frameworks.campaign import frameworks as compare

    settings = FrameworkSettings(networks, slow_networks, seed, profile, tuple(dtypes), tuple(frameworks))
    return compare(settings, out, progress)


def tolerance(
    *,
    layers: Sequence[int],
    activations: Sequence[str],
    loss: str,
    batch: int = 32,
    dtype: str = "float32",
    draws: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> Advice:
    """What to allow when two implementations of networks of one architecture are compared.

    layers: the widths k_0, ..., k_L; activations: one for each layer after the first. The parameters are those of
    `backproof tolerance --help`. Raises ValueError where they do not fit together, `reports.campaign.CouldNotRunError`
    where there are not two frameworks to compare, and ImportError where the extra "verify" is not installed.
    """
    from reports.tolerance.advice import Architecture, advise

    return advise(Architecture(tuple(layers), tuple(activations), loss, batch, dtype, draws, seed), progress)


def infer(implementation: str = DEFAULT_IMPLEMENTATION) -> Inference:
    """Find out by experiment which conventions an implementation follows: loss, scale, slopes at 0, shapes.

    Raises `reports.campaign.CouldNotRunError` where it gives nothing that conventions could be told by, and
    `reports.implementation.CouldNotLoadError`.
    """
    from reports.inference import infer

    return infer(load_implementation(implementation))


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
    range, `reports.campaign.CouldNotRunError` where a part cannot be run, and ImportError where the extra "dev" is not
    installed.
    """
    from reports.power.laboratory import power

    return power(Plan(tuple(parts), networks, alarm_networks, seed, oracle, workers), Path(out), progress)


def bench(
    *, networks: int = 20_000, jobs: int | None = None, out: str | Path | None = None, progress: Progress | None = None
) -> Bench:
    """Time Backproof on so many networks beside the usual methods, and write bench.json into `out`, if that is given.

    Raises ImportError where the extra "verify" is not installed, and OSError where `out` cannot be written.
    """
    from reports.bench.bench import bench, write_bench

    found = bench(networks, jobs, progress)
    if out is not None:
        write_bench(found, Path(out))
    return found


def claims(*, seed: int = 0, out: str | Path = DEFAULT_OUT, progress: Progress | None = None) -> Claims:
    """Try every statement of the notes by running, write claims.json and its chapter of the report, and return them.

    seed: of the random networks and starts. out: the folder to write into, which may have a verification's report; any
    address that fsspec knows will do.

    Raises `reports.campaign.CouldNotRunError` where that cannot be carried out, and ImportError where the extra
    "verify" is not installed.
    """
    from reports.claims.trial import try_notes

    return try_notes(out, seed, progress)


def grade(
    submission: str | Path,
    *,
    assignment: str | Path | None = None,
    key: str | Path | None = None,
    student: str | None = None,
    adapter: str | Path | None = None,
    sandbox: Mode = "bubblewrap",
    out: str | Path = DEFAULT_GRADES,
) -> grader.grade.Grade:
    """Grade what a student handed in, write the grade and the feedback into a folder in `out`, and return the grade.

    The parameters are those of `backproof grade --help`. Raises `grader.assignment.CouldNotGradeError` where grading
    cannot be done; a submission that fails, in whatever way, is graded.
    """
    from grader.grading import grade

    return grade(
        Path(submission),
        assignment=Path(assignment) if assignment else None,
        key=Path(key) if key else None,
        student=student,
        adapter=Path(adapter) if adapter else None,
        mode=sandbox,
        out=Path(out),
    )


def make_key(
    assignment: str | Path | None = None,
    *,
    out: str | Path,
    practice: bool = False,
    students: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Key]:
    """Work out the right answers of an assignment, and write them to `out`: a key, or a folder with one a student.

    The parameters are those of `backproof key --help`. Raises `grader.assignment.CouldNotGradeError` and
    `reports.campaign.CouldNotRunError` where that cannot be done.
    """
    from grader.key_making import make_keys

    chosen = Path(assignment) if assignment else None
    return make_keys(assignment=chosen, out=Path(out), practice=practice, students=students, progress=progress)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="backproof")
def main() -> None:
    """Find out whether backpropagation is right.

    Compares implementations of the multilayer perceptron with PyTorch's and JAX's autodiff, on random networks, with
    tolerances derived from the network and the precision.

    Exit status: 0 it agrees, 1 it disagrees, 2 it could not be verified.
    """
    look_seldom()


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several decorators as one."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_shared = _options(
    click.option(
        "--oracle",
        "oracles",
        multiple=True,
        type=click.Choice(tuple(ORACLES)),
        default=DEFAULTS.oracles,
        help="What to compare with; may be given several times.",
    ),
    click.option(
        "--grade",
        type=click.Choice(get_args(Grade)),
        default=DEFAULTS.grade,
        help="Whether functions such as tanh must be accurate relatively, as libraries are, or only absolutely.",
    ),
    click.option(
        "--attribute", is_flag=True, help="Hold everybody against certified values, not only where they disagree."
    ),
    click.option("--debug", is_flag=True, help="Show the traceback of what went wrong."),
)


@main.command("verify")
@click.argument("implementation", default=DEFAULT_IMPLEMENTATION)
@click.option("--networks", type=click.IntRange(min=1), default=DEFAULTS.networks, help="How many to draw.")
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULTS.seed, help="Of the random networks.")
@click.option("--profile", type=click.Choice(PROFILES), default=DEFAULTS.profile, help="What kind of networks to draw.")
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    type=click.Choice(DTYPES),
    default=DEFAULTS.dtypes,
    help="Precision of the implementation's inputs; may be given several times.",
)
@click.option(
    "--bound",
    type=click.Choice(get_args(Bound)),
    default=DEFAULTS.bound,
    help="Follow every rounding error by itself, or only their sizes: several times as fast, and coarser for deep "
    "networks.",
)
@click.option(
    "--out",
    default=DEFAULT_OUT,
    help="Folder for report.json, report.md, report.html and the records; replaces an earlier report in it. Any "
    "address that fsspec knows will do.",
)
@click.option("--resume", metavar="DIR", help="Continue the verification in this folder, with its settings.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="How many processes to work in.")
@click.option("--scheduler", metavar="ADDRESS", help="The Dask cluster to work on instead.")
@_shared
@click.pass_context
def verify_command(
    context: click.Context,
    /,
    implementation: str,
    *,
    resume: str | None,
    jobs: int,
    scheduler: str | None,
    debug: bool,
    **settings: Any,
) -> None:
    """Compare IMPLEMENTATION with the oracles on random networks.

    IMPLEMENTATION is a module's name, or the path of a .py file, with functions of the contract: forward, backward,
    loss and so on. Without it, Backproof's own is verified.
    """
    if resume is not None:
        _refuse_others(context, {"resume", "jobs", "scheduler", "debug"})

    def run() -> int:
        from reports.terminal import TerminalProgress, report_view

        settings["dtypes"], settings["oracles"] = _once(settings["dtypes"]), _once(settings["oracles"])
        with TerminalProgress() as progress:
            where: dict[str, Any] = {"jobs": jobs, "scheduler": scheduler, "progress": progress}
            if resume is None:
                report = verify(implementation, **settings, **where)
            else:
                report = continue_verification(resume, **where)
        _print(report_view(report))
        click.echo(f"\nThe report is in {(resume or settings['out']).rstrip('/')}/report.html")
        return AGREES if report.verdict == "agree" else DISAGREES

    _exit(run, debug)


def _refuse_others(context: click.Context, allowed: set[str]) -> None:
    """Raises click.UsageError where anything is given on the command line but what is allowed."""
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in allowed and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"with --resume the settings are those of the run: leave out {parameter.opts[-1]}")


@main.command("replay")
@click.argument("case")
@click.option(
    "--implementation", default="reference_impl", show_default=True, help="Module name or path of a .py file."
)
@click.option(
    "--dtype",
    type=click.Choice(FRAMEWORK_DTYPES),
    default="float64",
    show_default=True,
    help="Precision of the inputs; those of 16 bits go with --framework.",
)
@click.option(
    "--framework",
    type=click.Choice(FRAMEWORKS),
    help="Hold this against certified values, in place of an implementation against oracles.",
)
@click.option(
    "--script",
    "scripted",
    is_flag=True,
    help="Write it as a script that needs only NumPy and PyTorch or JAX, to attach to a bug report.",
)
@_shared
def replay_command(
    case: str, *, dtype: str, framework: str | None, scripted: bool, debug: bool, **settings: Any
) -> None:
    """Show one network alone: its numbers, and every quantity against every oracle.

    CASE is what a report or a failing test names: a name such as v2:kinks:0:17, a case in JSON, or a file of that.
    """

    def run() -> int:
        from reports.terminal import case_view

        settings["oracles"] = _once(settings["oracles"])
        if framework:
            judgement = replay_framework(case, framework=framework, dtype=dtype)
            _print(case_view(judgement, f"{framework} in {dtype}"))
        else:
            judgement = replay(case, dtype=dtype, **settings)
            _print(case_view(judgement))
        if scripted:
            from reports.script import write_scripts

            for path in write_scripts(find_case(case), [framework] if framework else settings["oracles"], dtype):
                click.echo(f"\nThe script is {path}")
        if judgement.disagreements:
            return DISAGREES
        return AGREES if judgement.checked else COULD_NOT_RUN

    _exit(run, debug)


@main.command("infer")
@click.argument("implementation", default=DEFAULT_IMPLEMENTATION)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def infer_command(implementation: str, *, as_json: bool, debug: bool) -> None:
    """Find out which conventions IMPLEMENTATION follows, by experiment.

    Which loss, factor and mean its values and gradients follow, and whether these belong together; which slope it takes
    at the kink of a ReLU; how it wants its arrays.

    Exit status: 0 consistent, 1 inconsistent, 2 nothing could be found out.
    """

    def run() -> int:
        from reports.terminal import inference_view

        found = infer(implementation)
        if as_json:
            click.echo(found.to_json().decode(), nl=False)
        else:
            _print(inference_view(found))
        return AGREES if found.verdict == "consistent" else DISAGREES

    _exit(run, debug)


@main.command("power")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    default=Plan.parts,
    help="Which part of the laboratory to run; may be given several times.",
)
@click.option(
    "--networks", type=click.IntRange(min=1), default=Plan.networks, help="On how many to measure floors and leaks."
)
@click.option(
    "--alarm-networks",
    type=click.IntRange(min=1),
    default=Plan.alarm_networks,
    help="On how many to judge right implementations.",
)
@click.option("--seed", type=click.IntRange(min=0), default=Plan.seed, help="Of the networks for false alarms.")
@click.option("--oracle", type=click.Choice(tuple(ORACLES)), default=Plan.oracle, help="What says what is right.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=Plan.workers, help="Processes that look for false alarms."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_POWER_OUT,
    help="Folder for power.json, power.md, power.html and the charts.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def power_command(*, debug: bool, **settings: Any) -> None:
    """Measure how good the suite itself is.

    Plants a catalogue of mistakes, automatic mutants, small errors and precision leaks, and counts what is caught, by
    what and how soon; judges right implementations, and counts false alarms; with the usual tolerances beside it.
    """

    def run() -> int:
        from reports.power.terminal import power_view
        from reports.terminal import TerminalProgress

        settings["parts"] = _once(settings["parts"])
        with TerminalProgress() as progress:
            report = power(**settings, progress=progress)
        _print(power_view(report))
        click.echo(f"\nThe report is in {settings['out'] / 'power.html'}")
        return AGREES if report.verdict == "holds" else DISAGREES

    _exit(run, debug)


@main.command("frameworks")
@click.option("--networks", type=click.IntRange(min=1), default=FrameworkSettings.networks, help="How many to draw.")
@click.option(
    "--slow-networks",
    type=click.IntRange(min=0),
    default=FrameworkSettings.slow_networks,
    help="How many of them for what takes seconds for every new network: torch-compile and jax-eager.",
)
@click.option("--seed", type=click.IntRange(min=0), default=FrameworkSettings.seed, help="Of the random networks.")
@click.option(
    "--profile", type=click.Choice(PROFILES), default=FrameworkSettings.profile, help="What kind of networks to draw."
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    type=click.Choice(FRAMEWORK_DTYPES),
    default=FrameworkSettings.dtypes,
    help="Precision; may be given several times.",
)
@click.option(
    "--framework",
    "frameworks",
    multiple=True,
    type=click.Choice(FRAMEWORKS),
    default=FrameworkSettings.frameworks,
    help="What to compare; may be given several times. What is not there is left out, and said.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_FRAMEWORKS_OUT,
    help="Folder for frameworks.json, frameworks.md and frameworks.html; replaces an earlier report in it.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def frameworks_command(*, debug: bool, **settings: Any) -> None:
    """Compare NumPy, PyTorch and JAX in every precision.

    Each computes the same networks, and is held against certified values and against all others, entry by entry: error
    / allowed, and ulps.
    """

    def run() -> int:
        from reports.frameworks.terminal import frameworks_view
        from reports.terminal import TerminalProgress

        settings["dtypes"], settings["frameworks"] = _once(settings["dtypes"]), _once(settings["frameworks"])
        with TerminalProgress() as progress:
            report = frameworks(**settings, progress=progress)
        _print(frameworks_view(report))
        click.echo(f"\nThe report is in {settings['out'] / 'frameworks.html'}")
        return AGREES if report.verdict == "within bounds" else DISAGREES

    _exit(run, debug)


@main.command("conventions")
@click.argument("text", nargs=-1)
@click.option("--check", is_flag=True, help="Run all of it on what is installed, and look for differences besides.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def conventions_command(text: tuple[str, ...], *, check: bool, debug: bool) -> None:
    """Tell where NumPy, PyTorch and JAX differ by more than rounding.

    TEXT selects what mentions all of it, or what has it for its name: relu-at-0, NaN, softplus, gradient at zero.
    """

    def run() -> int:
        from reports.conventions import conventions_view, outcome_view

        if check:
            outcome = check_conventions()
            _print(outcome_view(outcome))
            return DISAGREES if outcome.failures else AGREES
        _print(conventions_view(find_conventions(" ".join(text))))
        return AGREES

    _exit(run, debug)


def _listed(_: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """The words of a list with commas."""
    words = tuple(word.strip() for word in text.split(","))
    if parameter.name == "layers" and not all(word.isdecimal() for word in words):
        raise click.BadParameter(f"{text!r} is not a list of whole numbers, as in 784,128,10")
    return words


@main.command("tolerance")
@click.option("--layers", required=True, callback=_listed, help="Inputs, and neurons of every layer: 784,128,10.")
@click.option("--activations", required=True, callback=_listed, help="Of every layer after the inputs: relu,softmax.")
@click.option("--loss", required=True, type=click.Choice(tuple(LOSSES)), help="By its kind and scale.")
@click.option("--batch", type=click.IntRange(min=1), default=32, help="How many samples.")
@click.option("--dtype", type=click.Choice(FRAMEWORK_DTYPES), default="float32", help="Precision.")
@click.option("--draws", type=click.IntRange(min=2), default=100, help="How many networks to draw.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the random networks.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def tolerance_command(*, layers: tuple[str, ...], debug: bool, **settings: Any) -> None:
    """Advise what to allow when two implementations of a network are compared.

    For each quantity: the derived allowance, the errors of NumPy, PyTorch and JAX on random networks, the rtol and atol
    to paste into assert_close or assert_allclose, and how the usual defaults fare beside them.
    """

    def run() -> int:
        from reports.terminal import TerminalProgress
        from reports.tolerance.terminal import advice_view

        with TerminalProgress() as progress:
            advice = tolerance(layers=[int(width) for width in layers], **settings, progress=progress)
        _print(advice_view(advice))
        return AGREES

    _exit(run, debug)


@main.command("bench")
@click.option("--networks", type=click.IntRange(min=1), default=131_072, help="How many Backproof judges.")
@click.option("--jobs", type=click.IntRange(min=1), help="In how many processes, besides one.  [default: processors]")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for bench.json.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def bench_command(*, networks: int, jobs: int | None, out: Path | None, debug: bool) -> None:
    """Time Backproof beside the usual ways of testing backpropagation, and its NumPy beside PyTorch and JAX."""

    def run() -> int:
        from reports.bench.terminal import bench_view
        from reports.terminal import TerminalProgress

        with TerminalProgress() as progress:
            found = bench(networks=networks, jobs=jobs, out=out, progress=progress)
        _print(bench_view(found))
        return AGREES

    _exit(run, debug)


@main.command("claims")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the random networks and starts.")
@click.option(
    "--out",
    default=DEFAULT_OUT,
    help="Folder for claims.json, and for report.md and report.html, which get a chapter. Any address that fsspec "
    "knows will do.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def claims_command(*, debug: bool, **settings: Any) -> None:
    """Put the lecture notes on trial: every printed statement is tried, and gets a verdict.

    A statement holds, holds under a condition, or fails as printed; then there is a counterexample to follow by hand,
    and what it should say. Exit status 0: every statement holds or is corrected; 1: one is not, or training differs by
    more than rounding; 2: it could not be found out.
    """

    def run() -> int:
        from reports.claims.terminal import claims_view
        from reports.terminal import TerminalProgress

        with TerminalProgress() as progress:
            found = claims(**settings, progress=progress)
        _print(claims_view(found))
        click.echo(f"\nThe report is in {settings['out'].rstrip('/')}/report.html")
        return AGREES if found.settled else DISAGREES

    _exit(run, debug)


@main.command("grade")
@click.argument("submission", type=click.Path(path_type=Path))
@click.option("--assignment", type=click.Path(path_type=Path), help="File that says what is graded, and how.")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Answer key, or a folder of students' keys; default: the assignment's file with the ending .key.",
)
@click.option("--student", help="Whose key to use of a folder of them; default: the submission's name.")
@click.option("--adapter", type=click.Path(path_type=Path), help="File whose functions call the submission's own.")
@click.option("--sandbox", type=click.Choice(MODES), default="bubblewrap", help="What keeps the submission apart.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_GRADES,
    help="Folder for a folder with the grade, the feedback, and exports; replaces an earlier one of that name.",
)
@click.option("--check", is_flag=True, help="Exit with 1 where points are missing.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def grade_command(submission: Path, *, check: bool, debug: bool, **settings: Any) -> None:
    """Grade SUBMISSION, a .py file or a folder with one, without trusting it.

    It runs in a sandbox, gets partial credit, and is told the smallest network on which it goes wrong. Without an
    assignment the functions of the lecture notes are graded.

    Exit status: 0 it was graded, whatever the mark; 2 it could not be; with --check, 1 below full marks.
    """

    def run() -> int:
        found = grade(submission, **settings)
        from grader.feedback import terminal_view

        _print(terminal_view(found))
        click.echo(f"\nThe feedback is in {settings['out'] / found.submission / 'feedback.html'}")
        return DISAGREES if check and found.score < found.max_score else AGREES

    _exit(run, debug)


@main.command("key")
@click.argument("assignment", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="File, or folder of students' keys.")
@click.option("--practice", is_flag=True, help="A key to give away: its networks come from a seed of their own.")
@click.option("--per-student", "students", multiple=True, metavar="ID", help="A key for each; may be given many times.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def key_command(assignment: Path | None, *, out: Path, debug: bool, **settings: Any) -> None:
    """Make the answer key of ASSIGNMENT, by default of the assignment that comes with Backproof.

    PyTorch, JAX and Arb have to agree on every answer. To grade with the key takes none of them.
    """

    def run() -> int:
        from reports.terminal import TerminalProgress

        with TerminalProgress() as progress:
            keys = make_key(assignment, out=out, **settings, progress=progress)
        for made in keys:
            click.echo(made.summary())
        return AGREES

    _exit(run, debug)


@main.command("assignment")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write it to.")
@click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
def assignment_command(*, out: Path | None, debug: bool) -> None:
    """Print the default assignment, with every key described, to make one's own from."""

    def run() -> int:
        text = DEFAULT_ASSIGNMENT.read_text(encoding="utf-8")
        if out is None:
            click.echo(text, nl=False)
        else:
            out.write_text(text, encoding="utf-8")
        return AGREES

    _exit(run, debug)


def _once(names: Sequence[str]) -> tuple[str, ...]:
    """The names without repetitions, in their order."""
    return tuple(dict.fromkeys(names))


def _print(view: Any) -> None:
    """Print in colour to a terminal; elsewhere plainly, and as wide as it takes."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=200)).print(view, soft_wrap=False)


def _exit(run: Callable[[], int], debug: bool) -> None:
    """Exit with what `run` returns; what it raises becomes a sentence and the status for what could not run."""
    try:
        status = run()
    except Exception as error:
        if debug:
            traceback.print_exc()
        click.echo(f"Error: {_sentence(error)}", err=True)
        status = COULD_NOT_RUN
    sys.exit(status)


def _sentence(error: Exception) -> str:
    """What went wrong, and what to do."""
    if isinstance(error, ModuleNotFoundError):
        return f"this command {not_installed(error)}"
    if isinstance(error, ValueError | OSError | CouldNotLoadError | CouldNotRunError | CouldNotGradeError):
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"


if __name__ == "__main__":
    main()
