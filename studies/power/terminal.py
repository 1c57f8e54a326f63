"""The laboratory's report in the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backproof.reports.tables import table
from backproof.studies.power.detection import METHODS
from backproof.studies.power.report import FloorOutcome, PowerReport
from backproof.studies.power.wording import alarm_totals, floor_rows, format_floor

# The methods in the headings of narrow columns.
HEADINGS = ("derived", "assert_close", "assert_allclose", "allclose", "gradcheck", "check_grads")


def power_view(report: PowerReport) -> Group:
    """A table for each part that was run, and what it comes to last, where the eye is."""
    parts: list[RenderableType] = []
    if report.mistakes:
        parts += ["The first network on which a mistake is seen", _mistakes(report), ""]
    if report.mutants:
        parts += ["Mutants, by the test that catches them first", _tests(report), ""]
        left = [*report.mutants.survivors, *report.mutants.stale]
        parts += [Text(name, style="red") for name in left]
    if report.floors:
        parts += ["The relative error of a gradient entry that is sure to be seen, on half of the networks and on 99 %"]
        parts += [_floors(report.floors), ""]
    if report.leaks:
        parts += [f"Leaks: on how many of {report.leaks[0].networks} networks they are seen", _leaks(report), ""]
    if report.alarms:
        parts += ["Right implementations called wrong", _alarms(report), ""]
        parts += [
            Text(f"{place.way} on {place.case} in {place.dtype}: {place.explanation}", style="red")
            for place in report.alarm_places
        ]
    style = "bold green" if report.verdict == "holds" else "bold red"
    return Group(*parts, *(Text(sentence, style=style) for sentence in report.summary))


def _mistakes(report: PowerReport) -> Table:
    return table(
        ("mistake", "in"),
        HEADINGS,
        rows=(
            (mistake.name, mistake.quantity, *(str(mistake.first[method] or "never") for method in METHODS))
            for mistake in report.mistakes
        ),
    )


def _tests(report: PowerReport) -> Table:
    assert report.mutants is not None
    return table(("test",), ("mutants",), rows=((row.test, str(row.mutants)) for row in report.mutants.tests))


def _floors(floors: list[FloorOutcome]) -> Table:
    return table(
        ("profile", "dtype"),
        HEADINGS,
        rows=((row.profile, row.dtype, *map(format_floor, row.floors)) for row in floor_rows(floors)),
    )


def _leaks(report: PowerReport) -> Table:
    return table(
        ("rounded", "dtype"),
        HEADINGS,
        rows=((leak.step, leak.dtype, *(str(leak.shown[method]) for method in METHODS)) for leak in report.leaks),
    )


def _alarms(report: PowerReport) -> Table:
    def say(share: float | None) -> str:
        return "refused" if share is None else f"{100 * share:.2f} %"

    return table(
        ("profile", "dtype"),
        ("networks", "alarms", *HEADINGS[1:]),
        rows=(
            (row.profile, row.dtype, str(row.networks), str(row.alarms), *(say(row.usually[m]) for m in METHODS[1:]))
            for row in alarm_totals(report.alarms)
        ),
    )
