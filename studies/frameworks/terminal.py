"""The framework matrix in the terminal."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from backproof.reports.tables import table
from backproof.reports.wording import format_ratio
from backproof.studies.frameworks.matrix import TRUTH
from backproof.studies.frameworks.report import FrameworksReport, Outcome

COLOURS = {"within bounds": "green", "violations": "red", "could not run": "yellow"}


def frameworks_view(report: FrameworksReport) -> Group:
    """Who was compared, how tight the bounds are for each quantity, and the verdict last, where the eye is."""
    truth = [row for row in report.outcomes if row.against == TRUTH and row.profile == "all" and row.entries]
    missing = [f"not there: {one.backend} ({', '.join(one.dtypes)}), because {one.why}" for one in report.missing]
    return Group(
        _backends(report, truth),
        "",
        _quantities(truth),
        "",
        *(Text(line, style="dim") for line in missing),
        Text(report.summary, style=f"bold {COLOURS[report.verdict]}"),
    )


def _backends(report: FrameworksReport, truth: list[Outcome]) -> Table:
    """A row for each backend and dtype, with the entry that comes closest to its bound."""
    made = table(("backend", "dtype"), ("networks", "violations", "worst error / allowed"), ("worst at",))
    for backend in report.backends:
        own = [row for row in truth if (row.backend, row.dtype) == (backend.name, backend.dtype)]
        places = [place for place in report.worst if (place.backend, place.dtype) == (backend.name, backend.dtype)]
        violations = sum(row.violations for row in own)
        made.add_row(
            backend.name,
            backend.dtype,
            str(backend.networks),
            str(violations),
            format_ratio(places[0].ratio) if places else "",
            f"{places[0].case} {places[0].quantity} {places[0].index}" if places else "",
            style="red" if violations else "",
        )
    return made


def _quantities(truth: list[Outcome]) -> Table:
    """A row for each quantity and dtype: error / allowed of the backend that comes closest to its bound."""
    made = table(("quantity", "dtype"), ("median error / allowed", "99 %", "worst"), ("by",))
    found: dict[tuple[str, str], list[Outcome]] = {}
    for row in truth:
        if row.entries > row.exact or row.violations:
            found.setdefault((row.quantity, row.dtype), []).append(row)
    for (quantity, dtype), outcomes in found.items():
        worst = max(outcomes, key=lambda row: (row.violations, row.ratios.largest or 0.0))
        numbers = (worst.ratios.median, worst.ratios.p99, worst.ratios.largest)
        made.add_row(
            quantity,
            dtype,
            *(format_ratio(number) for number in numbers),
            worst.backend,
            style="red" if worst.violations else "",
        )
    return made
