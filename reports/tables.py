"""Tables in the terminal, all drawn alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text


def table(
    words: Sequence[str] = (), numbers: Sequence[str] = (), last: Sequence[str] = (), rows: Iterable[Sequence[str]] = ()
) -> Table:
    """A table under its headings: columns of words, of numbers, which stand to the right, and of words again.

    rows: cells as plain text, in which nothing is taken for markup. Without headings none are shown.
    """
    made = Table(box=None, pad_edge=False, header_style="dim", show_header=bool([*words, *numbers, *last]))
    for headings, side in ((words, "left"), (numbers, "right"), (last, "left")):
        for heading in headings:
            made.add_column(heading, justify="right" if side == "right" else "left")
    for row in rows:
        made.add_row(*map(Text, row))
    return made
