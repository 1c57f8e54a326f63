"""What is asked with the engine: power, frameworks, conventions, tolerance, bench, claims."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from backproof import api
from backproof.api import DEFAULT_FRAMEWORKS_OUT, DEFAULT_OUT, DEFAULT_POWER_OUT
from backproof.commands import options
from backproof.commands.group import AGREES, DISAGREES, ends_with_status, main, show, watched
from backproof.oracles.conventions import find_conventions
from backproof.oracles.registry import ORACLES
from backproof.studies.frameworks.backends import DTYPES as FRAMEWORK_DTYPES
from backproof.studies.frameworks.settings import FRAMEWORKS, Settings
from backproof.studies.power.plan import PARTS, Plan


@main.command()
@options.several("--part", PARTS, Plan.parts, "Which part of the laboratory to run")
@options.networks(Plan.networks, "On how many to measure floors and leaks.")
@options.count("--alarm-networks", Plan.alarm_networks, "On how many to judge right implementations.")
@options.seed(Plan.seed, "Of the networks for false alarms.")
@click.option("--oracle", type=click.Choice(tuple(ORACLES)), default=Plan.oracle, help="What says what is right.")
@options.count("--workers", Plan.workers, "Processes that look for false alarms.")
@options.place(DEFAULT_POWER_OUT, "Folder for power.json, power.md, power.html and the charts.")
@ends_with_status
def power(**settings: Any) -> int:
    """Measure how good the suite itself is.

    Plants a catalogue of mistakes, automatic mutants, small errors and precision leaks, and counts what is caught, by
    what and how soon; judges right implementations, and counts false alarms; with the usual tolerances beside it.
    """
    from backproof.studies.power.terminal import power_view

    report = watched(partial(api.power, **settings))
    show(power_view(report))
    click.echo(f"\nThe report is in {settings['out'] / 'power.html'}")
    return AGREES if report.verdict == "holds" else DISAGREES


@main.command()
@options.networks(Settings.networks)
@options.count(
    "--slow-networks",
    Settings.slow_networks,
    "How many of them for what takes seconds for every new network: torch-compile and jax-eager.",
    least=0,
)
@options.seed(Settings.seed)
@options.profile(Settings.profile)
@options.several("--dtype", FRAMEWORK_DTYPES, Settings.dtypes, "Precision")
@options.several(
    "--framework", FRAMEWORKS, Settings.frameworks, "What to compare, where it is there; else that is said"
)
@options.place(
    DEFAULT_FRAMEWORKS_OUT,
    "Folder for frameworks.json, frameworks.md and frameworks.html; replaces an earlier report in it.",
)
@ends_with_status
def frameworks(**settings: Any) -> int:
    """Compare NumPy, PyTorch and JAX in every precision.

    Each computes the same networks, and is held against certified values and against all others, entry by entry: error
    / allowed, and ulps.
    """
    from backproof.studies.frameworks.terminal import frameworks_view

    report = watched(partial(api.frameworks, **settings))
    show(frameworks_view(report))
    click.echo(f"\nThe report is in {settings['out'] / 'frameworks.html'}")
    return AGREES if report.verdict == "within bounds" else DISAGREES


@main.command()
@click.argument("text", nargs=-1)
@click.option("--check", is_flag=True, help="Run all of it on what is installed, and look for differences besides.")
@ends_with_status
def conventions(text: tuple[str, ...], *, check: bool) -> int:
    """Tell where NumPy, PyTorch and JAX differ by more than rounding.

    TEXT selects what mentions all of it, or what has it for its name: relu-at-0, NaN, softplus, gradient at zero.
    """
    from backproof.studies.conventions.terminal import conventions_view, outcome_view

    if check:
        outcome = api.check_conventions()
        show(outcome_view(outcome))
        return DISAGREES if outcome.failures else AGREES
    show(conventions_view(find_conventions(" ".join(text))))
    return AGREES


@main.command()
@options.architecture(required=True)
@click.option("--dtype", type=click.Choice(FRAMEWORK_DTYPES), default="float32", help="Precision.")
@options.count("--draws", 100, "How many networks to draw.", least=2)
@options.seed()
@ends_with_status
def tolerance(**settings: Any) -> int:
    """Advise what to allow when two implementations of a network are compared.

    For each quantity: the derived allowance, the errors of NumPy, PyTorch and JAX on random networks, the rtol and atol
    to paste into assert_close or assert_allclose, and how the usual defaults fare beside them.
    """
    from backproof.studies.tolerance.terminal import advice_view

    advice = watched(partial(api.tolerance, **settings))
    show(advice_view(advice))
    return AGREES


@main.command()
@options.networks(131_072, "How many Backproof judges.")
@options.count("--jobs", None, "In how many processes, besides one.  [default: processors]")
@options.place(None, "Folder for bench.json.")
@ends_with_status
def bench(*, networks: int, jobs: int | None, out: Path | None) -> int:
    """Time Backproof beside the usual ways of testing backpropagation, and its NumPy beside PyTorch and JAX."""
    from backproof.oracles.one_thread import use_one_thread
    from backproof.studies.bench.terminal import bench_view

    use_one_thread()
    found = watched(partial(api.bench, networks=networks, jobs=jobs, out=out))
    show(bench_view(found))
    return AGREES


@main.command()
@options.seed(help="Of the random networks and starts.")
@options.place(
    DEFAULT_OUT,
    "Folder for claims.json, and for report.md and report.html, which get a chapter.",
    anywhere=True,
)
@ends_with_status
def claims(**settings: Any) -> int:
    """Put the lecture notes on trial: every printed statement is tried, and gets a verdict.

    A statement holds, holds under a condition, or fails as printed; then there is a counterexample to follow by hand,
    and what it should say. Exit status 0: every statement holds or is corrected; 1: one is not, or training differs by
    more than rounding; 2: it could not be found out.
    """
    from backproof.studies.claims.terminal import claims_view

    found = watched(partial(api.claims, **settings))
    show(claims_view(found))
    click.echo(f"\nThe report is in {settings['out'].rstrip('/')}/report.html")
    return AGREES if found.settled else DISAGREES
