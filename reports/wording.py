"""Numbers and places in words, the same in every rendering."""

from __future__ import annotations

from collections.abc import Sequence

from reports.report import Place


def format_ratio(ratio: float | None) -> str:
    """An error / allowed to three digits; what is not finite is beyond all bounds."""
    if ratio is None:
        return "∞"
    return f"{ratio:.3g}"


def format_value(value: float | None) -> str:
    """A number in as many digits as tell it apart."""
    return "no finite number" if value is None else repr(value)


def describe(place: Place) -> str:
    """What is wrong at a place, in a phrase."""
    if place.cause:
        return place.cause
    return f"got {format_value(place.got)}, expected {format_value(place.expected)}"


def conjoin(words: Sequence[str]) -> str:
    """The words as in "a, b and c"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def not_installed(error: ModuleNotFoundError, extra: str = "verify") -> str:
    """What to do about a package that is missing, for a sentence that begins with who needs it."""
    extra = "conformance" if error.name == "pytest" else "verify"
    return (
        f'needs the package {error.name}, which is not installed; the extra "{extra}" has it: '
        f"in Backproof's folder, pip install -e '.[{extra}]'"
    )
