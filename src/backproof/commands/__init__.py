"""The command line: it parses, calls what src/backproof/api.py offers, and shows what comes of it."""

from __future__ import annotations

import atexit
import io
import os
import sys

from backproof.commands import grading, studying, verifying  # noqa: F401  each adds its commands
from backproof.commands.group import main

__all__ = ["main", "run"]


def run() -> None:
    """The command line as a process, which ends as soon as all is said.

    Python would take all of the frameworks down piece by piece, which takes half a second, and for nothing.
    """
    status: object = 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a sign is shown its number
            stream.reconfigure(errors="backslashreplace")
    try:
        main(prog_name="backproof")
    except SystemExit as end:
        status = end.code
    if not isinstance(status, int | None):
        sys.exit(str(status))
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # Python says so
        sys.exit(status)
    os._exit(status or 0)
