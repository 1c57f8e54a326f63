"""What a first run on a machine compiles while it compiles the bounds: exact values, in a process of their own."""

from __future__ import annotations

import subprocess
import sys

from backproof.oracles import exact
from backproof.oracles.draw import draw_case
from backproof.oracles.stack import stacks

# Nothing is put before what this process imports from, and nothing of a project's folder is imported by accident.
PROGRAM = "import sys; sys.path[:] = {path!r}; from backproof.oracles.preparing import prepare; prepare()"


def begin() -> None:
    """Begin to compile it if it is not kept yet, and do not wait; whoever needs it waits."""
    if not exact.is_kept():
        subprocess.Popen(  # noqa: S603 (this very Python)
            [sys.executable, "-P", "-c", PROGRAM.format(path=sys.path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def prepare() -> None:
    """Work out what is exact of a network of integers."""
    (stack,) = stacks([draw_case(0, 0, "integers")])
    exact.exact_stack(stack)
