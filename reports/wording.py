"""Numbers and places in words, the same in every rendering."""

from __future__ import annotations

from collections.abc import Sequence

from backproof.reports.report import Drawn, ExactMode, LayerOutcome, Place, ProfileOutcome
from backproof.verification.wording import conjoin

# So many corners that no network met are named in a sentence.
FEW = 3

# Of so many layers the verdict tells.
LAYERS_SAID = 4


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


def say_drawn(drawn: Drawn, own: str = "") -> str:
    """What was drawn, in a sentence; empty where nothing was.

    own: what the user's own networks are, where those were judged.
    """
    if own:
        return f"Judged was {own}."
    limits = {one.what: (one.smallest, one.largest) for one in drawn.ranges}
    sizes = [f"{smallest:g} to {largest:g} {what}" for what, (smallest, largest) in list(limits.items())[:3] if largest]
    if not sizes:
        return ""
    never = [corner.what for corner in drawn.corners if not corner.networks]
    rarest = min(drawn.corners, key=lambda corner: corner.networks)
    met = f"{len(drawn.corners) - len(never)} of {len(drawn.corners)} corners were met"
    also = f"the rarest, {rarest.what}, by {rarest.networks} networks"
    if never:
        named = never if len(never) <= FEW else [*never[:FEW], f"{len(never) - FEW} more"]
        also = f"not: {conjoin(named)}"
    return f"Drawn were networks of {conjoin(sizes)}; {met} ({also})."


def say_exact(mode: ExactMode) -> str:
    """What needs no rounding in a dtype, and what became of it, in two sentences."""
    outcome = (
        f"On {mode.inexact} networks something is not exact: it is rounded more often than it has to be."
        if mode.inexact
        else "All are exact, to the bit."
    )
    return (
        f"In {mode.dtype}, {mode.entries} numbers of {mode.networks} networks need no rounding, in at most "
        f"{mode.digits} binary digits: that is proven. {outcome}"
    )


def say_wrong_by_profile(profiles: Sequence[ProfileOutcome]) -> str:
    """On how many networks of which profile something disagrees, in a sentence; empty where there are no profiles."""
    said = [f"{one.failed} of {one.networks} {one.profile}" for one in profiles]
    return f"Wrong by profile: {conjoin(said)} networks." if said else ""


def say_wrong_by_layer(layers: Sequence[LayerOutcome]) -> str:
    """On how many networks what disagrees in which layer, in a sentence; empty where nothing does in a layer."""
    counts: dict[str, list[str]] = {}
    for one in layers:
        counts.setdefault(one.quantity, []).append(f"{one.failed} of {one.networks}")
    said = [
        f"{quantity} on {', '.join(of_it[:LAYERS_SAID])}{', ...' * (len(of_it) > LAYERS_SAID)}"
        for quantity, of_it in counts.items()
    ]
    return f"Wrong by layer, the last one first: {'; '.join(said)} networks." if said else ""


def say_profiles(entries: dict[str, int]) -> str:
    """How many entries there are of which profile, the most first."""
    by_number = sorted(entries.items(), key=lambda item: -item[1])
    return ", ".join(f"{profile or 'no profile'} {number}" for profile, number in by_number)
