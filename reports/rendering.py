"""A report as files: report.json, report.md with its charts as SVG, and report.html, which needs nothing else."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from typing import Any

import jinja2
import vl_convert
from upath import UPath

from oracles.comparison import say_outside
from reports.charts import NAMES, Chart, charts
from reports.report import Report
from reports.wording import describe, format_ratio, format_value, say_exact, say_kinks

VEGA_LITE = "6.4"


def write_report(report: Report, folder: UPath) -> None:
    """Write the report's files into the folder; charts of an earlier report that this one does not have are removed.

    Raises OSError where they cannot be written.
    """
    (folder / "report.json").write_bytes(report.to_json())
    drawn = charts(report)
    write_charts(drawn, NAMES, folder)
    for name in ("report.md", "report.html"):
        text = template(f"{name}.j2").render(**_context(report, drawn, scripts=name == "report.html"))
        (folder / name).write_text(text, encoding="utf-8")


def write_charts(drawn: list[Chart], names: Sequence[str], folder: UPath) -> None:
    """Write the charts as SVG; of the names that a chart may have, remove what an earlier report has left."""
    for name in names:
        (folder / f"{name}.svg").unlink(missing_ok=True)
    for chart in drawn:
        svg = vl_convert.vegalite_to_svg(chart.specification, vl_version=VEGA_LITE)
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")


def template(name: str) -> jinja2.Template:
    """The template of that name, with the filters that all of them share."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "ratio": format_ratio,
        "value": format_value,
        "description": describe,
        "outside": say_outside,
        "cell": _cell,
        "exact": say_exact,
        "kinks": say_kinks,
    }
    return environment.get_template(name)


def _context(report: Report, drawn: list[Chart], *, scripts: bool) -> dict[str, Any]:
    context: dict[str, Any] = {"report": report, "charts": drawn}
    if scripts:
        context |= scripts_of(drawn)
    return context


def scripts_of(drawn: list[Chart]) -> dict[str, Any]:
    """What a page needs to draw its charts: their specifications, and Vega-Lite."""
    specifications = [json.dumps(chart.specification).replace("</", "<\\/") for chart in drawn]
    return {"specifications": specifications, "vega": _vega()}


@functools.cache
def _vega() -> str:
    """Vega-Lite, with all that it needs, as a script that may stand in a page."""
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed", VEGA_LITE)
    return script.replace("</script", "<\\/script")


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
