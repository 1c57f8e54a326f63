"""The matrix as files: frameworks.json, frameworks.md with its charts as SVG, and frameworks.html."""

from __future__ import annotations

from typing import NamedTuple

from upath import UPath

from backproof.reports.rendering import write_files
from backproof.reports.wording import format_ratio
from backproof.studies.frameworks.charts import NAMES, charts
from backproof.studies.frameworks.matrix import TRUTH
from backproof.studies.frameworks.report import FrameworksReport, Outcome

# The worst entries that Markdown and the page show; frameworks.json has them all.
SHOWN = 20


class Tightness(NamedTuple):
    """Error / allowed of a backend in a quantity, in words, and whether rounding cannot explain it."""

    text: str
    violated: bool


class Line(NamedTuple):
    """A line of the table of tightness: a quantity in a dtype, with a cell for each backend."""

    quantity: str
    dtype: str
    cells: list[Tightness]


def write_report(report: FrameworksReport, folder: UPath) -> None:
    """Write the report's files into the folder.

    Raises OSError where they cannot be written.
    """
    (folder / "frameworks.json").write_bytes(report.to_json())
    drawn = charts(report)
    names = list(dict.fromkeys(backend.name for backend in report.backends))
    context = {
        "report": report,
        "environment": report.environment,
        "charts": drawn,
        "names": names,
        "lines": lines(report, names),
        "shown": SHOWN,
    }
    package = "backproof.studies.frameworks"
    write_files("frameworks", folder, context=context, drawn=drawn, names=NAMES, package=package)


def lines(report: FrameworksReport, names: list[str]) -> list[Line]:
    """Every quantity in every dtype against the certified values, over all profiles."""
    found: dict[tuple[str, str], dict[str, Outcome]] = {}
    for outcome in report.outcomes:
        if outcome.against == TRUTH and outcome.profile == "all" and outcome.entries:
            found.setdefault((outcome.quantity, outcome.dtype), {})[outcome.backend] = outcome
    quantities = list(dict.fromkeys(quantity for quantity, _ in found))
    return [
        Line(quantity, dtype, [_tightness(found[quantity, dtype].get(name)) for name in names])
        for dtype in report.settings.dtypes
        for quantity in quantities
        if (quantity, dtype) in found
    ]


def _tightness(outcome: Outcome | None) -> Tightness:
    """Median, 99 % and worst; of what must be exact only whether it is."""
    if outcome is None:
        return Tightness("", False)
    if outcome.entries == outcome.exact:
        return Tightness("not exact" if outcome.violations else "exact", outcome.violations > 0)
    numbers = (outcome.ratios.median, outcome.ratios.p99, outcome.ratios.largest)
    return Tightness(
        " / ".join(format_ratio(number and float(f"{number:.2g}")) for number in numbers), outcome.violations > 0
    )
