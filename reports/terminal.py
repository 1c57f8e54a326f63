"""A report, and a single network, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import numpy as np
from rich import progress
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from backproof.mistakes.ignored import IGNORED
from backproof.oracles.case import Case
from backproof.oracles.comparison import Record, say_outside
from backproof.reports.report import DifferenceFound, MistakeFound, Place, QuantityOutcome, Report
from backproof.reports.tables import table
from backproof.reports.wording import (
    describe,
    format_ratio,
    say_drawn,
    say_kinks,
    say_wrong_by_layer,
    say_wrong_by_profile,
)
from backproof.verification.campaign import Progress
from backproof.verification.given import is_given
from backproof.verification.judgement import Judgement
from backproof.verification.wording import conjoin

COLOURS = {"agree": "green", "agree but for": "green", "disagree": "red", "could not run": "yellow"}

# Arrays with more entries than this are shown by their shape.
ENTRIES_SHOWN = 64


def report_view(report: Report) -> Group:
    """The table of quantities, the disagreements with their commands, and the verdict last, where the eye is."""
    parts: list[RenderableType] = []
    if report.quantities:
        parts.append(_quantities(report))
    together: dict[tuple[object, ...], list[Place]] = {}
    for place in report.failures:
        together.setdefault((place.quantity, place.dtype, place.case, place.got, place.outside), []).append(place)
    parts += [_failure(places) for places in together.values()]
    if report.failures:
        parts.append("")
    parts += [*map(_mistake, report.mistakes), *map(_difference, report.differences)]
    if report.mistakes or report.differences:
        parts.append("")
    if report.verdict == "disagree" and all(IGNORED.keys() & found.names for found in report.mistakes):
        source = report.implementation.source
        infer = "backproof.infer(...)" if is_given(source) else f"backproof infer {source}"
        parts.append(Text(f"{infer} finds out which conventions it follows."))
    if report.verdict == "disagree" and (by_profile := say_wrong_by_profile(report.profiles)):
        parts.append(Text(by_profile))
    if report.verdict == "disagree" and (by_layer := say_wrong_by_layer(report.layers)):
        parts.append(Text(by_layer))
    if drawn := say_drawn(report.drawn, report.settings.own):
        parts.append(Text(drawn, style="dim"))
    parts.append(Text(report.summary, style=f"bold {COLOURS[report.verdict]}"))
    return Group(*parts)


def _quantities(report: Report) -> Table:
    """A row for each quantity and dtype, against the oracle where it fails most often, or else comes closest to."""
    last = "allowed / value" if report.settings.own else "worst at"
    made = table(("quantity", "dtype"), ("networks", "failures", "worst error / allowed", "median"), (last,))
    rows: dict[tuple[str, str], list[QuantityOutcome]] = {}
    for outcome in report.quantities:
        rows.setdefault((outcome.quantity, outcome.dtype), []).append(outcome)
    for (quantity, dtype), outcomes in rows.items():
        worst = max(outcomes, key=lambda outcome: (outcome.failures, _rank(outcome)))
        style = "red" if worst.failures else "dim" if not worst.cases else ""
        made.add_row(
            quantity,
            dtype,
            str(worst.cases) if worst.cases else "unchecked",
            str(worst.failures) if worst.cases else "",
            format_ratio(worst.worst_ratio) if worst.cases else "",
            format_ratio(worst.median_ratio) if worst.cases else "",
            _allowed(outcomes) if report.settings.own else _where(worst),
            style=style,
        )
    return made


def _rank(outcome: QuantityOutcome) -> float:
    return float("inf") if outcome.worst_ratio is None and outcome.cases else outcome.worst_ratio or 0.0


def _allowed(outcomes: Sequence[QuantityOutcome]) -> str:
    """What is allowed relative to the value, by the widest of the oracles, at the median of the networks."""
    medians = [outcome.fineness.median for outcome in outcomes if outcome.fineness.median is not None]
    return f"{max(medians):.1e}" if medians else ""


def _where(outcome: QuantityOutcome) -> str:
    """Where an error came closest to what is allowed, or farthest beyond."""
    if (place := outcome.worst) is None or outcome.worst_ratio == 0:
        return ""
    index = "" if place.index is None else f" {place.index}"
    return f"{place.case} {place.quantity}{index}, {place.oracle}"


def _failure(places: list[Place]) -> Text:
    """A disagreement, with every oracle that says so: where, what, and how to see it."""
    place, oracles = places[0], conjoin([place.oracle for place in places])
    index = "" if not place.index else f" at {place.index}"
    allowed = "" if place.allowed is None or place.cause else f", allowed to differ by {place.allowed:.2g}"
    grade = " (it would agree leniently)" if place.leniently else ""
    return Text.assemble(
        "\n",
        (f"{place.quantity}{index}", "bold red"),
        f" in {place.dtype}, against {oracles}: {describe(place)}{allowed}{grade}",
        f"{say_outside(place.outside, oracles)}\n  ",
        (place.replay, "cyan"),
    )


def _seen(functions: list[str], networks: int) -> str:
    return f" ({conjoin(functions)}, {networks} network{'s' * (networks != 1)})"


def _mistake(found: MistakeFound) -> Text:
    """What explains wrong answers, and what to think about."""
    others = f" The same answers come of {conjoin(found.others)}." if found.others else ""
    where = _seen(found.functions, found.networks)
    return Text.assemble(
        "\n", (conjoin(found.names), "bold red"), f"{where}: {found.what}{others}\n  ", (found.hint, "dim")
    )


def _difference(found: DifferenceFound) -> Text:
    """What a right program does otherwise, and what declares it."""
    where = _seen(found.functions, found.networks)
    declared = (
        "Its CONVENTION says so." if found.declared else f"A CONVENTION with differences=({found.declares!r},) says so."
    )
    return Text.assemble("\n", (f"It {found.what}", "bold yellow"), f"{where}. {found.matters}\n  ", (declared, "dim"))


def case_view(judgement: Judgement, computed: str = "") -> Group:
    """One case: its numbers, if they are few, and every quantity against every oracle.

    computed: by whom and in which dtype, where that is not the case's own.
    """
    case = judgement.case
    parts: list[RenderableType] = [
        Text(case.name or "a case written out in full", style="bold"),
        f"{case.architecture}, {case.n} sample{'s' * (case.n > 1)}, {case.loss}, {computed or case.dtype}",
        "",
    ]
    if case.size <= ENTRIES_SHOWN:
        parts += [_numbers(case), ""]
    parts.append(_records(judgement))
    if judgement.exact:
        number, digits = len(judgement.exact.values), max(judgement.exact.digits.values())
        parts.append(
            f"\n{number} quantities need no rounding, in at most {digits} binary digits. "
            + (f"Not exact, to the bit: {conjoin([str(q) for q in judgement.inexact])}." if judgement.inexact else "")
            + ("" if judgement.inexact else "All are exact, to the bit.")
        )
    if judgement.undecided:
        parts.append(f"\n{say_kinks(judgement.undecided, judgement.undecidable or 0)}")
    for oracle, record in judgement.disagreements:
        parts.append(Text(record.explanation(oracle), style="red"))
    return Group(*parts)


def _numbers(case: Case) -> Table:
    """x, y, and each layer's weights and biases."""
    made = table()
    named = [("x", case.x), ("y", case.y)]
    for i, (W, b) in enumerate(zip(case.weights, case.biases, strict=True), 1):
        named += [(f"W[{i}]", W), (f"b[{i}]", b)]
    for name, array in named:
        made.add_row(name, np.array2string(array, threshold=ENTRIES_SHOWN, max_line_width=100))
    return made


def _records(judgement: Judgement) -> Table:
    made = table(("quantity", "oracle", "verdict"), ("error / allowed", "at", "got", "expected", "allowed"))
    for oracle, records in judgement.records.items():
        for record in records:
            made.add_row(str(record.quantity), oracle, record.verdict, *_entry(record), style=_style(record))
    return made


def _entry(record: Record) -> tuple[str, ...]:
    """The worst entry of a record, or why there is none."""
    if record.index is None:
        return ("", "", record.why_unchecked, "", "")
    at = str(list(record.index)) if record.index else ""
    return f"{record.ratio:.3g}", at, repr(record.got), repr(record.expected), f"{record.allowed:.2g}"


def _style(record: Record) -> str:
    return {"agrees": "", "disagrees": "red", "unchecked": "dim"}[record.verdict]


class TerminalProgress(Progress):
    """A progress bar on stderr while a campaign runs, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = progress.Progress(
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
            progress.TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None)

    def __enter__(self) -> Self:
        if self._bar.console.is_terminal:  # some versions of rich leave an empty line even where nothing is shown
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar.console.is_terminal:
            self._bar.stop()

    def stage(self, text: str) -> None:
        """Show what is being done now."""
        self._bar.update(self._task, description=text)

    def expects(self, networks: int) -> None:
        """Set how long the bar is."""
        self._bar.update(self._task, total=networks)

    def judged(self, networks: int = 1) -> None:
        """Count so many more networks."""
        self._bar.advance(self._task, networks)

    def note(self, text: str) -> None:
        """Print a line above the bar, on stderr."""
        self._bar.console.print(text, highlight=False, soft_wrap=True)
