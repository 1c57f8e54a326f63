"""The command `backproof` itself, and what all of its commands share: how they end, and how they print."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import click

from backproof.grader.assignment import CouldNotGradeError
from backproof.verification.campaign import CouldNotRunError, why_stopped
from backproof.verification.garbage import look_seldom
from backproof.verification.wording import escaped, not_installed

Result = TypeVar("Result")

AGREES, DISAGREES, COULD_NOT_RUN = 0, 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="backproof")
def main() -> None:
    """Find out whether backpropagation is right.

    Compares implementations of the multilayer perceptron with PyTorch's and JAX's autodiff, on random networks, with
    tolerances derived from the network and the precision.

    Exit status: 0 it agrees, 1 it disagrees, 2 it could not be verified.
    """
    look_seldom()


def ends_with_status(command: Callable[..., int]) -> Callable[..., None]:
    """A command that exits with what it returns; what it raises becomes a sentence and the status for what did not run.

    It gets the option --debug, which shows the traceback.
    """

    @click.option("--debug", is_flag=True, help="Show the traceback of what went wrong.")
    @functools.wraps(command)
    def ended(*arguments: Any, debug: bool, **settings: Any) -> None:
        try:
            status = command(*arguments, **settings)
        except click.ClickException:
            raise
        except (Exception, KeyboardInterrupt) as error:
            if debug:
                traceback.print_exc()
            say(f"Error: {_sentence(error)}", err=True)
            status = COULD_NOT_RUN
        sys.exit(status)

    return ended


def _sentence(error: BaseException) -> str:
    """What went wrong, and what to do."""
    if isinstance(error, KeyboardInterrupt):
        return f"{why_stopped(error)}, and nothing was found out"
    if isinstance(error, ModuleNotFoundError):
        return f"this command {not_installed(error)}"
    if isinstance(error, ValueError | OSError | CouldNotRunError | CouldNotGradeError):
        return str(error)
    return f"{type(error).__name__}: {error} (--debug shows where)"


def say(text: str, *, err: bool = False) -> None:
    """Print a text; what is no printable character in it, as names of files may have, is escaped."""
    click.echo(escaped(text, kept="\\\n\t"), err=err)


def watched(work: Callable[..., Result]) -> Result:
    """What some work comes to, which tells of its progress meanwhile, in a terminal."""
    from backproof.reports.terminal import TerminalProgress

    with TerminalProgress() as progress:
        return work(progress=progress)


def show(view: Any) -> None:
    """Print in colour to a terminal; elsewhere plainly, and as wide as it takes."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=200)).print(view, soft_wrap=False)
