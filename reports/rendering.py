"""A report as files: report.json, report.md with its charts as SVG, and report.html, which needs nothing else."""

from __future__ import annotations

import functools
import json
from typing import Any

import jinja2
import vl_convert
from upath import UPath

from oracles.comparison import say_outside
from reports.charts import NAMES, Chart, charts
from reports.report import Report
from reports.wording import describe, format_ratio, format_value

VEGA_LITE = "6.4"


def write_report(report: Report, folder: UPath) -> None:
    """Write the report's files into the folder; charts of an earlier report that this one does not have are removed.

    Raises OSError where they cannot be written.
    """
    (folder / "report.json").write_bytes(report.to_json())
    drawn = charts(report)
    for name in NAMES:
        (folder / f"{name}.svg").unlink(missing_ok=True)
    for chart in drawn:
        svg = vl_convert.vegalite_to_svg(chart.specification, vl_version=VEGA_LITE)
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")
    for name in ("report.md", "report.html"):
        text = _template(f"{name}.j2").render(**_context(report, drawn, scripts=name == "report.html"))
        (folder / name).write_text(text, encoding="utf-8")


def _template(name: str) -> jinja2.Template:
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
    }
    return environment.get_template(name)


def _context(report: Report, drawn: list[Chart], *, scripts: bool) -> dict[str, Any]:
    context: dict[str, Any] = {"report": report, "charts": drawn}
    if scripts:
        context["specifications"] = [json.dumps(chart.specification).replace("</", "<\\/") for chart in drawn]
        context["vega"] = _vega()
    return context


@functools.cache
def _vega() -> str:
    """Vega-Lite, with all that it needs, as a script that may stand in a page."""
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed", VEGA_LITE)
    return script.replace("</script", "<\\/script")


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
