"""What was found, shown by itself in a notebook and in IPython, as the terminal shows it."""

from __future__ import annotations

import io
import pkgutil
from typing import Any, ClassVar

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from backproof.verification.document import Document
from backproof.verification.wording import escaped

# Columns in a notebook, which is wider than a terminal.
WIDTH = 110

PAGE = '<pre style="white-space: pre; overflow-x: auto; line-height: 1.3; font-family: monospace">{code}</pre>'

# Colours that can be read on white and on black.
COLOURS = TerminalTheme(
    (255, 255, 255),
    (0, 0, 0),
    [
        (60, 60, 60), (200, 40, 40), (30, 130, 60), (150, 110, 0), (60, 100, 200), (160, 60, 160), (0, 125, 140),
        (128, 128, 128),
    ],
)  # fmt: skip


class Shown(Document, frozen=True):
    """A document that shows itself; VIEW: the function that makes it into something that rich prints, by its name."""

    VIEW: ClassVar[str]

    def _repr_html_(self) -> str:
        """For a notebook; whatever it has in it is text."""
        page = _printed(self).export_html(theme=COLOURS, code_format=PAGE, inline_styles=True)
        return escaped(page, kept="\n")

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        """For IPython in a terminal."""
        printer.text(escaped(_printed(self).export_text(), kept="\n"))


def _printed(document: Shown) -> Console:
    # Else rich would show it itself, in a notebook.
    console = Console(record=True, file=io.StringIO(), width=WIDTH, color_system="standard", force_jupyter=False)
    console.print(pkgutil.resolve_name(document.VIEW)(document))
    return console
