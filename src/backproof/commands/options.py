"""The options that several commands have, each once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import click

from backproof import api
from backproof.api import DEFAULTS
from backproof.oracles.draw import PROFILES
from backproof.oracles.registry import ORACLES
from backproof.reference_impl.contract import LOSSES
from backproof.verification.campaign import Grade

Option = Callable[[Any], Any]


def count(name: str, default: int | None, help: str, *, least: int = 1) -> Option:
    """A whole number; without a default the help says what holds in its place."""
    return click.option(name, type=click.IntRange(min=least), default=default, help=help)


def seconds(name: str, default: float | None, help: str) -> Option:
    """A time; without a default there is no limit."""
    return click.option(
        name,
        type=click.FloatRange(min=0, min_open=True),
        default=default,
        show_default=default is not None or "no limit",
        metavar="SECONDS",
        help=help,
    )


def networks(default: int | None, help: str = "How many to draw.") -> Option:
    """How many networks."""
    return count("--networks", default, help)


def seed(default: int = 0, help: str = "Of the random networks.") -> Option:
    """What random numbers begin with."""
    return count("--seed", default, help, least=0)


def profile(default: str) -> Option:
    """What networks are like."""
    return click.option(
        "--profile", type=click.Choice(PROFILES), default=default, help="What kind of networks to draw."
    )


def several(name: str, known: Sequence[str], default: Sequence[str], help: str) -> Option:
    """Names that may be given several times; the command gets each once, under the option's name in the plural."""
    return click.option(
        name,
        f"{name.removeprefix('--')}s",
        multiple=True,
        type=click.Choice(tuple(known)),
        default=default,
        callback=lambda _context, _option, names: tuple(dict.fromkeys(names)),
        help=f"{help}; may be given several times.",
    )


def place(default: str | None, help: str, *names: str, anywhere: bool = False) -> Option:
    """Where a file or folder is, or will be; anywhere: an address that fsspec knows will do as well."""
    more = " Any address that fsspec knows will do." if anywhere else ""
    kind = str if anywhere else click.Path(path_type=Path)
    return click.option(*(names or ("--out",)), type=kind, default=default, help=help + more)


def _listed(_: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str | int, ...] | None:
    """The words of a list with commas, or the numbers of layers."""
    if text is None:
        return None
    words = tuple(word.strip() for word in text.split(","))
    if parameter.name != "layers":
        return words
    if not all(word.isdecimal() for word in words):
        raise click.BadParameter(f"{text!r} is not a list of whole numbers, as in 784,128,10")
    return tuple(map(int, words))


def architecture(*, required: bool) -> Option:
    """What networks of one architecture are like; where that is not required, what is usual has to do."""
    usual = "" if required else " [default: relu, and last softmax, or sigmoid for one output]"
    usual_loss = "" if required else " [default: what goes with the last activation]"

    def with_options(command: Any) -> Any:
        for option in (
            count("--batch", api.BATCH, "How many samples."),
            click.option(
                "--loss",
                required=required,
                type=click.Choice(tuple(LOSSES)),
                help=f"By its kind and scale.{usual_loss}",
            ),
            click.option(
                "--activations",
                required=required,
                callback=_listed,
                help=f"Of every layer after the inputs: relu,softmax.{usual}",
            ),
            click.option(
                "--layers",
                required=required,
                callback=_listed,
                help="Inputs, and neurons of every layer: 784,128,10.",
            ),
        ):
            command = option(command)
        return command

    return with_options


def judged_by(command: Any) -> Any:
    """By whom, how strictly, and how closely networks are judged."""
    for option in (
        click.option(
            "--attribute", is_flag=True, help="Hold everybody against certified values, not only where they disagree."
        ),
        click.option(
            "--grade",
            type=click.Choice(get_args(Grade)),
            default=DEFAULTS.grade,
            help="Whether functions such as tanh must be accurate relatively, as libraries are, or only absolutely.",
        ),
        several("--oracle", tuple(ORACLES), DEFAULTS.oracles, "What to compare with"),
    ):
        command = option(command)
    return command
