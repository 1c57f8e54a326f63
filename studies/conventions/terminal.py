"""The catalogue of conventions in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from backproof.oracles.conventions import FRAMEWORKS, Convention, conventions, other_versions
from backproof.reports.tables import table

if TYPE_CHECKING:
    from backproof.oracles.conventions.checks import Outcome

NAMES = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}


def conventions_view(found: Sequence[Convention]) -> Group:
    """Each convention: what it is called, what each framework gives, why, and where that is documented; how many."""
    number = f"{len(found)} of {len(conventions())} conventions; --check runs them all on what is installed."
    return Group(*(part for convention in found for part in _parts(convention)), Text(number, style="dim"))


def _parts(convention: Convention) -> list[RenderableType]:
    made = table()
    for framework in FRAMEWORKS:
        for one in convention.observations:
            if one.framework == framework:
                value = Text.assemble((one.gives, "bold"), (f"  {one.versions}".rstrip(), "dim"))
                made.add_row("", NAMES[framework], Text(one.code), value)
    return [
        Text.assemble((convention.title, "bold"), (f"  {convention.id}", "dim")),
        made,
        Text("  " + " ".join(convention.why.split())),
        *(Text(f"  {source}", style="dim") for source in convention.sources),
        "",
    ]


def outcome_view(outcome: Outcome) -> Group:
    """What was checked, after every failure."""
    checked = f"{outcome.observations} observations, and {outcome.probes} probes, of which {outcome.differing} differ"
    verdict = (
        f"All is as declared: {checked}."
        if not outcome.failures
        else f"{len(outcome.failures)} not as declared; {checked}."
    )
    return Group(
        *(Text(failure, style="red") for failure in outcome.failures),
        *([Text(other_versions())] if other_versions() else []),
        Text(verdict, style="bold red" if outcome.failures else "bold green"),
    )
