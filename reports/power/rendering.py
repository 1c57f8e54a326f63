"""The laboratory's report as files: power.json, power.md with its charts as SVG, and power.html, all in itself."""

from __future__ import annotations

from pathlib import Path

import vl_convert

from reports.power.charts import NAMES, power_charts
from reports.power.detection import METHODS
from reports.power.report import PowerReport
from reports.power.wording import alarm_totals, floor_rows, format_floor
from reports.rendering import VEGA_LITE, specifications, template, vega


def write_power_report(report: PowerReport, folder: Path) -> None:
    """Write the report's files into the folder; charts of an earlier report that this one does not have are removed.

    Raises OSError where they cannot be written.
    """
    (folder / "power.json").write_bytes(report.to_json())
    drawn = power_charts(report)
    for name in NAMES:
        (folder / f"{name}.svg").unlink(missing_ok=True)
    for chart in drawn:
        svg = vl_convert.vegalite_to_svg(chart.specification, vl_version=VEGA_LITE)
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")
    for name in ("power.md", "power.html"):
        page = template(f"{name}.j2", floor=format_floor)
        scripts = {"vega": vega(), "specifications": specifications(drawn)} if name == "power.html" else {}
        tables = {"floor_rows": floor_rows(report.floors), "alarm_totals": alarm_totals(report.alarms)}
        text = page.render(report=report, charts=drawn, methods=METHODS, **tables, **scripts)
        (folder / name).write_text(text, encoding="utf-8")
