"""What finds out about an implementation: verify, replay, infer."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from backproof import api
from backproof.api import DEFAULT_OUT, DEFAULTS
from backproof.commands import options
from backproof.commands.group import AGREES, COULD_NOT_RUN, DISAGREES, ends_with_status, main, show, watched
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import find_case
from backproof.oracles.one_thread import use_one_thread
from backproof.studies.frameworks.backends import DTYPES as FRAMEWORK_DTYPES
from backproof.studies.frameworks.settings import FRAMEWORKS
from backproof.verification.campaign import DEFAULT_IMPLEMENTATION, Limits

# What does not change what comes out.
WHERE = ("jobs", "scheduler", "in_process", "call_limit", "time_limit")

# What networks are drawn by, and of one architecture.
DRAWN, OF_ONE = ("networks", "seed", "profile", "layers"), ("activations", "loss", "batch")


@main.command()
@click.argument("implementation", default=DEFAULT_IMPLEMENTATION)
@options.networks(None, f"How many to draw. [default: {DEFAULTS.networks}; with --layers {api.OF_ONE_ARCHITECTURE}]")
@options.seed(DEFAULTS.seed)
@options.profile(DEFAULTS.profile)
@options.architecture(required=False)
@click.option("--case", metavar="FILE", help="Judge it on the network in this .npz or JSON file, and draw none.")
@options.several("--dtype", DTYPES, DEFAULTS.dtypes, "Precision of the implementation's inputs")
@options.place(
    DEFAULT_OUT,
    "Folder for report.json, report.md, report.html and the records, for one run at a time; replaces an earlier run's.",
    anywhere=True,
)
@click.option("--resume", metavar="DIR", help="Continue the verification in this folder, with its settings.")
@options.count("--jobs", 1, "How many processes to work in.")
@click.option("--scheduler", metavar="ADDRESS", help="The Dask cluster to work on instead.")
@click.option("--in-process", is_flag=True, help="Call IMPLEMENTATION in this process, for a debugger; nobody watches.")
@options.seconds("--call-limit", Limits().call, "How many seconds a call of a function may take.")
@options.seconds("--time-limit", None, "How many seconds all of it may take.")
@click.option(
    "--page/--no-page", default=True, help="Write report.html and report.md as well, once the verdict is there."
)
@click.option(
    "--strict",
    is_flag=True,
    help="A difference that is no mistake, such as an epsilon in a logarithm, is a disagreement too.",
)
@click.option(
    "--baseline",
    metavar="REPORT",
    help="An earlier report.json: differences that it does not have are disagreements; what is wrong is wrong anyway.",
)
@options.judged_by
@ends_with_status
@click.pass_context
def verify(
    context: click.Context,
    /,
    implementation: str,
    *,
    resume: str | None,
    jobs: int,
    scheduler: str | None,
    in_process: bool,
    call_limit: float,
    time_limit: float | None,
    page: bool,
    **settings: Any,
) -> int:
    """Compare IMPLEMENTATION with the oracles on random networks, or on your own.

    IMPLEMENTATION is a module's name, or the path of a .py file, with functions of the contract: forward, backward,
    loss and so on. Without it, Backproof's own is verified. It works in a process of its own, which is watched: what
    ends that process, or hangs, is named.

    Exit status: 0 right, or right but for differences that are no mistakes and are named; 1 wrong; 2 it could not be
    judged.
    """
    use_one_thread()
    if resume is not None:
        _refuse(
            context,
            lambda name: name not in {"resume", *WHERE, "page", "debug"},
            "with --resume the settings are those of the run",
        )
    for asked, leave_out, why in (
        (settings["case"], (*DRAWN, *OF_ONE), "with --case nothing is drawn"),
        (settings["layers"], ("profile",), "with --layers networks are of that architecture"),
        (not settings["layers"], OF_ONE, "without --layers there is no architecture"),
    ):
        if asked:
            _refuse(context, leave_out.__contains__, why)

    limits = Limits(call_limit, time_limit or math.inf)
    where: dict[str, Any] = {"jobs": jobs, "scheduler": scheduler, "watched": not in_process, "limits": limits}
    folder = settings["out"] if resume is None else resume
    try:
        if resume is None:
            report = watched(
                partial(api.verify, implementation, **{**settings, "layers": settings["layers"] or ()}, **where)
            )
        else:
            report = watched(partial(api.continue_verification, resume, **where))
    except api.CouldNotRunError as error:
        if error.report is not None:
            _report_in(folder, page=page)
        raise

    from backproof.reports.terminal import report_view

    show(report_view(report))
    if place := _report_in(folder, page=page):
        click.echo(f"\nThe report is in {place}")
    return AGREES if report.verdict in ("agree", "agree but for") else DISAGREES


def _report_in(folder: str, *, page: bool) -> str | None:
    """Where the report can be read, once the page is written, or None; a page that cannot be costs no verdict."""
    from backproof.verification.folders import absolute

    if not (absolute(folder) / "report.json").exists():
        return None
    if page:
        try:
            api.write_page(folder)
            return f"{folder.rstrip('/')}/report.html"
        except (OSError, ValueError, api.CouldNotRunError) as error:
            click.echo(f"The page could not be written: {error}", err=True)
    return f"{folder.rstrip('/')}/report.json"


def _refuse(context: click.Context, refused: Callable[[str], bool], why: str) -> None:
    """Raises click.UsageError where something is given on the command line that is refused."""
    for parameter in context.command.params:
        name = str(parameter.name)
        if refused(name) and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{why}: leave out {parameter.opts[-1]}")


@main.command()
@click.argument("folder", default=DEFAULT_OUT)
@ends_with_status
def page(folder: str) -> int:
    """Write report.html and report.md into FOLDER, of the report that a verification has left there."""
    api.write_page(folder)
    click.echo(f"The report is in {folder.rstrip('/')}/report.html")
    return AGREES


@main.command()
@click.argument("case")
@click.option("--implementation", default=DEFAULT_IMPLEMENTATION, help="Module name or path of a .py file.")
@click.option(
    "--dtype",
    type=click.Choice(FRAMEWORK_DTYPES),
    default="float64",
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
@options.judged_by
@ends_with_status
def replay(case: str, *, dtype: str, framework: str | None, scripted: bool, **settings: Any) -> int:
    """Show one network alone: its numbers, and every quantity against every oracle.

    CASE is what a report or a failing test names: a name such as v3:kinks:0:17, a case in JSON, or a file of that, or
    an .npz file.
    """
    from backproof.reports.terminal import case_view

    if framework:
        judgement = api.replay_framework(case, framework=framework, dtype=dtype)
        show(case_view(judgement, f"{framework} in {dtype}"))
    else:
        judgement = api.replay(case, dtype=dtype, **settings)
        show(case_view(judgement))
    if scripted:
        from backproof.studies.frameworks.script import write_scripts

        for path in write_scripts(find_case(case), [framework] if framework else settings["oracles"], dtype):
            click.echo(f"\nThe script is {path}")
    if judgement.disagreements:
        return DISAGREES
    return AGREES if judgement.checked else COULD_NOT_RUN


@main.command()
@click.argument("implementation", default=DEFAULT_IMPLEMENTATION)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@click.option(
    "--write", metavar="ADAPTER", help="Write a .py file: IMPLEMENTATION, with the convention that it follows."
)
@ends_with_status
def infer(implementation: str, *, as_json: bool, write: str | None) -> int:
    """Find out which conventions IMPLEMENTATION follows, by experiment.

    Which loss, factor and mean its values and gradients follow, and whether these belong together; which slope it takes
    at the kink of a ReLU; how it wants its arrays.

    Exit status: 0 consistent, 1 inconsistent, 2 no gradient was seen, or nothing could be found out.
    """
    from backproof.studies.inference.terminal import inference_view

    found = api.infer(implementation, write=write)
    if as_json:
        click.echo(found.to_json().decode(), nl=False)
    else:
        show(inference_view(found))
    if write is not None:
        click.echo(f"\nThe adapter is {write}; backproof verify {write} judges it", err=as_json)
    return {"consistent": AGREES, "inconsistent": DISAGREES, "undecided": COULD_NOT_RUN}[found.verdict]
