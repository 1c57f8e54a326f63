"""What was measured, in words that are the same in every rendering."""

from __future__ import annotations

from backproof.studies.claims.claim import Claims, Speed


def say_times(claims: Claims) -> list[str]:
    """For every loop from which size on it is slower than all at once, and how much slower at the largest."""
    return [
        f"{crossover.form} is slower than all at once {_from(crossover.size, crossover.scale, claims.timing.speeds)}"
        f"{_how_much(crossover.form, crossover.scale, claims.timing.speeds)}"
        for crossover in claims.timing.crossovers
    ]


def _from(size: int | None, scale: str, speeds: list[Speed]) -> str:
    sizes = sorted({one.size for one in speeds if one.scale == scale})
    if size is None:
        return f"at none of the sizes up to {sizes[-1]} {scale}"
    return "at every size" if size == sizes[0] else f"from {size} {scale} on"


def _how_much(form: str, scale: str, speeds: list[Speed]) -> str:
    *_, largest = sorted({one.size for one in speeds if one.scale == scale})
    seconds = {one.form: one.seconds for one in speeds if (one.scale, one.size) == (scale, largest)}
    return f", {seconds[form] / seconds['all at once']:.0f} times at {largest} {scale}"
