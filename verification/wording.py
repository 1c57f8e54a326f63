"""Phrases that are the same wherever they are said: lists, and what to do about a package that is missing."""

from __future__ import annotations

from collections.abc import Sequence


def conjoin(words: Sequence[str]) -> str:
    """The words as in "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def not_installed(error: ModuleNotFoundError, extra: str = "verify") -> str:
    """What to do about a package that is missing, for a sentence that begins with who needs it."""
    package = (error.name or "").partition(".")[0]
    extra = "conformance" if package == "pytest" else extra
    return (
        f'needs the package {package}, which is not installed; the extra "{extra}" has it: '
        f"in Backproof's folder, pip install -e '.[{extra}]'"
    )
