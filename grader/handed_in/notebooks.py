"""A notebook as a program: its cells one after the other, without what only a notebook understands."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from backproof.grader.assignment import UngradableError
from backproof.grader.calls import in_line
from backproof.verification.wording import plain

# A notebook has pictures in it; its programs are short. In bytes, and in characters of all cells.
MOST_BYTES, MOST_CHARACTERS = 2**25, 2**21

# In cells that are longer, in characters, no line for IPython is looked for; nor are more of them in one.
MOST_OF_A_CELL, MOST_LEFT_OUT = 2**16, 50

# A line for IPython: a magic, a command of the shell, a question; and what is assigned from the first two.
_FOR_NOTEBOOKS = re.compile(r"[%!?]|[\w\s,.]{1,200}=\s*[%!]|[^#]*\?\s*(?:#.*)?$")
_LONGEST_LINE = 1000

# What a cell may begin with and still be Python; other cells that begin so are in some other language.
_STILL_PYTHON = ("time", "timeit", "capture", "prun", "memit", "mprun", "lprun", "debug")

# So many of the lines that were left out are told.
MOST_TOLD = 5


@dataclass(frozen=True)
class Notebook:
    """A notebook's program. cells: the number of each of its cells, and the line of the source that it begins with.

    left_out: what was for the notebook alone, each line with its place.
    """

    source: str
    cells: tuple[tuple[int, int], ...]
    left_out: tuple[str, ...]

    @property
    def firsts(self) -> tuple[int, ...]:
        """The lines with which cells begin."""
        return tuple(line for _, line in self.cells)

    def place(self, line: int) -> str:
        """A line of the source, as a student finds it: in which cell."""
        inside = [(number, first) for number, first in self.cells if first <= line]
        if not inside:
            return in_line(line)
        number, first = inside[-1]
        return f"cell {number}, {in_line(line - first + 1)}"

    def remark(self) -> str:
        """What was left out, in a sentence; empty for nothing."""
        if not self.left_out:
            return ""
        more = len(self.left_out) - MOST_TOLD
        others = f"; and {more} more" if more > 0 else ""
        return f"Left out, since it is for a notebook alone: {'; '.join(self.left_out[:MOST_TOLD])}{others}."


class _Cell(msgspec.Struct):
    """A cell, of which nothing but this is read. input: the source, as the format's version 3 calls it."""

    cell_type: str
    source: str | list[str] = ""
    input: str | list[str] = ""


_Cells = Annotated[list[_Cell], Meta(max_length=10_000)]


class _Worksheet(msgspec.Struct):
    """What cells are in, in the format's version 3."""

    cells: _Cells = []


class _Notebook(msgspec.Struct):
    """A notebook: outputs and pictures, of whatever size, are passed over, and never take any memory."""

    nbformat: Annotated[int, Meta(ge=3, le=4)]
    cells: _Cells = []
    worksheets: Annotated[list[_Worksheet], Meta(max_length=100)] = []


def read_notebook(path: Path) -> Notebook:
    """The program in a notebook, of any version of the format.

    Cells are numbered from 1 on, those with text among them, as a reader counts. Raises UngradableError where it is no
    notebook, and OSError where it cannot be read.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UngradableError(f"the notebook {path.name} is over {MOST_BYTES // 2**20} MiB: clear its outputs")
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_Notebook)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UngradableError(f"{path.name} is not a notebook that can be read: {plain(str(error))[:200]}") from error
    cells_there = found.cells or [cell for sheet in found.worksheets for cell in sheet.cells]
    sources = [(cell.cell_type, "".join(cell.source or cell.input)) for cell in cells_there]
    if sum(len(source) for _, source in sources) > MOST_CHARACTERS:
        raise UngradableError(f"the notebook {path.name} has more text in its cells than any exercise needs")
    lines, cells, left_out = list[str](), list[tuple[int, int]](), list[str]()
    for number, (kind, source) in enumerate(sources, 1):
        if kind == "code" and source.strip():
            cells.append((number, len(lines) + 1))
            own, dropped = _python(source)
            lines += own
            left_out += [f"{plain(text)[:80]} (cell {number}, {in_line(line)})" for line, text in dropped]
    return Notebook("\n".join([*lines, ""]), tuple(cells), tuple(left_out))


def _python(source: str) -> tuple[list[str], list[tuple[int, str]]]:
    """The lines of a cell, those for IPython replaced by `pass`; and these, by their numbers."""
    lines = source.replace("\r\n", "\n").split("\n")
    first = next(i for i, line in enumerate(lines) if line.strip())
    dropped = []
    if lines[first].startswith("%%"):
        dropped.append((first + 1, lines[first].strip()))
        magic = lines[first][2:].split()[:1]
        lines = [""] * len(lines) if magic not in [[name] for name in _STILL_PYTHON] else lines
        lines[first] = ""
    # What Python understands is left as it is, so that a % in the middle of an expression stays one.
    while len(dropped) < MOST_LEFT_OUT and (bad := _line_for_notebooks(lines)) is not None:
        dropped.append((bad + 1, lines[bad].strip()))
        lines[bad] = f"{lines[bad][: len(lines[bad]) - len(lines[bad].lstrip())]}pass"
    return lines, sorted(dropped)


def _line_for_notebooks(lines: list[str]) -> int | None:
    """The line that keeps this from being Python and that IPython would understand, if there is one."""
    if sum(map(len, lines)) > MOST_OF_A_CELL or not any(map(_is_for_notebooks, lines)):
        return None
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        wrong = min(error.lineno or 1, len(lines)) - 1
    except (ValueError, RecursionError, MemoryError):
        return None
    else:
        return None
    # Where a block is missing or a bracket left open, what is wrong is told of the line before or after.
    near = sorted(range(len(lines)), key=lambda i: (abs(i - wrong), i))[:3]
    return next((i for i in near if _is_for_notebooks(lines[i])), None)


def _is_for_notebooks(line: str) -> bool:
    return len(line) <= _LONGEST_LINE and _FOR_NOTEBOOKS.match(line.strip()) is not None
