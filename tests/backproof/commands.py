"""What the tests of the command line share."""

import json
import sys

from click.testing import CliRunner

from backproof.commands import main

TORCH = ("--oracle", "torch")

# Whoever a shell has begun in the background ignores interrupts, and so would whoever that begins. No preexec_fn: for
# that Python forks, of which JAX warns.
HEARING_CTRL_C = (
    sys.executable,
    "-c",
    (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.executable, [sys.executable, '-u', '-m', 'backproof', *sys.argv[1:]])"
    ),
)


def run(*arguments):
    """What a command prints and how it exits; without the page, which takes longer than all the rest, unless asked."""
    if arguments[0] == "verify" and not {"--page", "--help"} & set(arguments):
        arguments = (*arguments, "--no-page")
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def written(folder):
    """The report in a folder."""
    return json.loads((folder / "report.json").read_bytes())
