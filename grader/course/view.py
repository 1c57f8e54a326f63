"""How an assignment's trial reads in a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from backproof.grader.course.release import Release
from backproof.reports.tables import table
from backproof.verification.wording import conjoin

# Mistakes that are about something else are named as long as they are few.
MOST_NAMED = 5


def release_view(found: Release) -> Group:
    """What each mistake costs, then what passes or is refused, and the verdict last, where the eye is."""
    made = table(("mistake",), ("points it loses",))
    for tried in found.found:
        made.add_row(tried.name, tried.cost)
    parts: list[RenderableType] = [made, ""]
    if found.foreign:
        names = conjoin(list(found.foreign)) if len(found.foreign) <= MOST_NAMED else f"{len(found.foreign)} others"
        parts.append(f"Nothing that is asked here can show {names}.")
    for tried in found.missed:
        kinds = conjoin([f'"{kind}"' for kind in tried.where])
        parts.append(Text(f"{tried.name} passes; it would show on networks of the kinds {kinds}.", style="red"))
    for tried in found.refused:
        parts.append(Text(f"A right program, {tried.name}, loses {tried.cost} points.", style="red"))
    parts += [Text(f"{sentence[:1].upper()}{sentence[1:]}.", style="red") for sentence in found.wrong_key]
    parts += [Text(f"Beware: {sentence}.", style="yellow") for sentence in found.warnings]
    caught = f"{len(found.found)} known mistakes lose points, {len(found.missed)} pass"
    right = f"{len(found.refused)} right programs lose any" if found.refused else "and no right program loses any"
    ready = "It can be given out." if found.ready else "It should not be given out like that."
    return Group(*parts, "", Text(f"{caught}, {right}. {ready}", style="bold green" if found.ready else "bold red"))
