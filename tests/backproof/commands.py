"""What the tests of the command line share."""

import json

from click.testing import CliRunner

from backproof.commands import main

TORCH = ("--oracle", "torch")


def run(*arguments):
    """What a command prints and how it exits; without the page, which takes longer than all the rest, unless asked."""
    if arguments[0] == "verify" and not {"--page", "--help"} & set(arguments):
        arguments = (*arguments, "--no-page")
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def written(folder):
    """The report in a folder."""
    return json.loads((folder / "report.json").read_bytes())
