"""Numbers and places in words, the same in every rendering."""

from __future__ import annotations

from backproof.reports.report import ExactMode, Place


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


def say_kinks(undecided: int, undecidable: int) -> str:
    """How many neurons lie too near a kink, in a sentence; empty where none does."""
    if not undecided:
        return ""
    neurons = "1 ReLU neuron lies" if undecided == 1 else f"{undecided} ReLU neurons lie"
    also = f" Ball arithmetic finds {undecidable} undecidable: kink." if undecidable else ""
    return f"Over all samples, {neurons} so near 0 that rounding may decide on which side.{also}"


def say_exact(mode: ExactMode) -> str:
    """What had to be exact in a dtype, in a sentence."""
    return (
        f"In {mode.dtype}, {mode.entries} numbers of {mode.networks} networks are proven to be exact, in at most "
        f"{mode.digits} binary digits, and were compared with the exact values to the bit."
    )
