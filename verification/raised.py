"""What somebody else's code raised, in a phrase: its type, its message, its line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def describe(error: BaseException) -> str:
    """What was raised, with its message; of what is no Python, the line."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {type(error).__name__}: {error.msg}"
    return f"{type(error).__name__}{because(error)}"


def because(error: BaseException) -> str:
    """The error's message after a colon, in one line and cut."""
    text = " ".join(str(error).split())
    return f": {text[:200]}" if text else ""


def line_of(error: BaseException, called: Callable[..., Any]) -> str:
    """The file and line where something was raised, of those that lie beside the function's; empty where none does."""
    code = getattr(inspect.unwrap(called), "__code__", None)
    if code is None:
        return ""
    folder = Path(code.co_filename).parent
    lines = [
        f" ({Path(frame.filename).name}, line {frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).parent == folder
    ]
    return lines[-1] if lines else ""
