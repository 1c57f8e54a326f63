"""The laboratory's report as files: power.json, power.md with its charts as SVG, and power.html, all in itself."""

from __future__ import annotations

from upath import UPath

from backproof.reports.rendering import write_files
from backproof.studies.power.charts import NAMES, power_charts
from backproof.studies.power.detection import METHODS
from backproof.studies.power.report import PowerReport
from backproof.studies.power.wording import alarm_totals, floor_rows, format_floor


def write_power_report(report: PowerReport, folder: UPath) -> None:
    """Write the report's files into the folder.

    Raises OSError where they cannot be written.
    """
    (folder / "power.json").write_bytes(report.to_json())
    drawn = power_charts(report)
    context = {
        "report": report,
        "environment": report.environment,
        "charts": drawn,
        "methods": METHODS,
        "floor_rows": floor_rows(report.floors),
        "alarm_totals": alarm_totals(report.alarms),
    }
    package = "backproof.studies.power"
    write_files("power", folder, context=context, drawn=drawn, names=NAMES, package=package, floor=format_floor)
