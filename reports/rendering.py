"""A report as files: JSON, report.md with its charts as SVG, and report.html, which needs nothing else."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jinja2
import msgspec
import vl_convert
from upath import UPath

from oracles.comparison import say_outside
from oracles.user_cache import kept
from reports.charts import NAMES, Chart, charts
from reports.claims.charts import CLAIM_CHARTS, claim_charts
from reports.claims.claim import Claims
from reports.claims.formulas import CORRECTED, PRINTED, mathml
from reports.claims.wording import say_times
from reports.report import Report
from reports.wording import describe, format_ratio, format_value, say_exact, say_kinks

VEGA_LITE, VEGA_EMBED = "6.4", "window.vegaEmbed = vegaEmbed"

Kind = TypeVar("Kind", Report, Claims)


def write_report(report: Report, folder: UPath) -> None:
    """Write a verification's report into the folder, with the chapter about the notes if they were tried there.

    Raises OSError where the files cannot be written.
    """
    (folder / "report.json").write_bytes(report.to_json())
    _write_pages(report, _read(folder / "claims.json", Claims), folder)


def write_claims(claims: Claims, folder: UPath) -> None:
    """Write claims.json into the folder, and its chapter into the report, which a verification may be in already.

    Raises OSError where the files cannot be written.
    """
    (folder / "claims.json").write_bytes(claims.to_json())
    _write_pages(_read(folder / "report.json", Report), claims, folder)


def _read(path: UPath, kind: type[Kind]) -> Kind | None:
    """What an earlier run has left; None where there is nothing that this version could read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _write_pages(report: Report | None, claims: Claims | None, folder: UPath) -> None:
    """report.md and report.html, and the charts; those of an earlier report that this one does not have are removed."""
    drawn, of_claims = charts(report) if report else [], claim_charts(claims) if claims else {}
    everything = [*drawn, *(chart for some in of_claims.values() for chart in some)]
    write_charts(everything, (*NAMES, *CLAIM_CHARTS), folder)
    context = {"report": report, "charts": drawn, "claims": claims, "claim_charts": of_claims, "everything": everything}
    for name in ("report.md", "report.html"):
        scripts = scripts_of(everything) if name == "report.html" else {}
        (folder / name).write_text(template(f"{name}.j2").render(**context, **scripts), encoding="utf-8")


def write_charts(drawn: Sequence[Chart], names: Sequence[str], folder: UPath) -> None:
    """Write the charts as SVG; of the names that a chart may have, remove what an earlier report has left."""
    for name in names:
        (folder / f"{name}.svg").unlink(missing_ok=True)
    for chart in drawn:
        svg = vl_convert.vegalite_to_svg(chart.specification, vl_version=VEGA_LITE)
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")


def template(name: str, **filters: Callable[..., str]) -> jinja2.Template:
    """A template of this package, with the filters that all templates have and with those given."""
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
        "markdown": _markdown,
        "mathml": mathml,
        "times": say_times,
        "exact": say_exact,
        "kinks": say_kinks,
        **filters,
    }
    environment.globals |= {"PRINTED": PRINTED, "CORRECTED": CORRECTED}
    return environment.get_template(name)


def scripts_of(drawn: list[Chart]) -> dict[str, Any]:
    """What a page needs to draw its charts itself."""
    return {"specifications": specifications(drawn), "vega": vega()}


def specifications(drawn: list[Chart]) -> list[str]:
    """The charts' specifications as JSON that may stand in a script."""
    return [json.dumps(chart.specification).replace("</", "<\\/") for chart in drawn]


@functools.cache
def vega() -> str:
    """Vega-Lite, with all that it needs, as a script that may stand in a page."""
    made_of = importlib.metadata.version("vl-convert-python"), VEGA_LITE, VEGA_EMBED
    script = kept("vega", made_of, lambda: vl_convert.javascript_bundle(VEGA_EMBED, VEGA_LITE).encode()).decode()
    return script.replace("</script", "<\\/script")


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _markdown(text: str) -> str:
    """Text in whose formulas Markdown sees no emphasis; it may stand in a cell."""
    return re.sub(r"([*_])", r"\\\1", _cell(text))
