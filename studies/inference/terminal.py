"""The outcome of an inference in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from backproof.reports.tables import table
from backproof.studies.inference.inference import Inference


def inference_view(found: Inference) -> Group:
    """What value and gradient follow for every loss, and the findings last."""
    parts: list[RenderableType] = []
    if found.losses:
        made = table(("asked for", "the value follows", "the gradient follows"))
        for row in found.losses:
            right = {row.value, row.gradient} <= {row.asked, None}
            cells = (row.asked, row.value or "", row.gradient or "")
            made.add_row(*cells, style="" if right else "red")
        parts += [made, ""]
    style = {"consistent": "green", "inconsistent": "red", "undecided": "yellow"}[found.verdict]
    parts.append(Text(f"{found.implementation} is {found.verdict}.", style=f"bold {style}"))
    return Group(*parts, *map(Text, found.summary))
