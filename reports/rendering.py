"""A report as files: JSON, Markdown with its charts as SVG, and a page for the browser, which needs nothing else."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import vl_convert
from upath import UPath

from backproof.oracles.comparison import say_outside
from backproof.oracles.user_cache import kept
from backproof.reports.charts import NAMES, Chart, charts
from backproof.reports.pages import ROOM, template
from backproof.reports.report import Report
from backproof.reports.wording import (
    describe,
    format_ratio,
    format_value,
    say_drawn,
    say_exact,
    say_kinks,
    say_profiles,
    say_wrong_by_layer,
    say_wrong_by_profile,
)

Kind = TypeVar("Kind")

# The newest Vega-Lite that is there, and what puts a chart on a page.
VEGA_LITE, VEGA_EMBED = vl_convert.get_vegalite_versions()[-1], "window.vegaEmbed = vegaEmbed"


class Chapter(NamedTuple):
    """What a study tells on the page of a verification, where its outcome is in the same folder.

    title: of a page that has nothing else. markdown, html: its text. environment: what it was made with.
    """

    title: str
    markdown: str
    html: str
    charts: list[Chart]
    environment: dict[str, str]


class Chapters(NamedTuple):
    """The chapters that there are, and the names of all charts that there might be."""

    found: Sequence[Chapter] = ()
    names: Sequence[str] = ()


def read_report(folder: UPath) -> Report | None:
    """The report that a verification has left in a folder; None where there is none that this version could read."""
    return read(folder / "report.json", Report)


def read(path: UPath, kind: type[Kind]) -> Kind | None:
    """What an earlier run has left; None where there is nothing that this version could read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def write_page(report: Report | None, chapters: Chapters, folder: UPath) -> None:
    """Write report.md and report.html, of a verification, or of chapters alone.

    Raises OSError where the files cannot be written.
    """
    drawn = charts(report) if report else []
    environment = report.environment if report else chapters.found[0].environment
    write_files(
        "report",
        folder,
        context={"report": report, "charts": drawn, "chapters": chapters.found, "environment": environment},
        drawn=[*drawn, *(chart for chapter in chapters.found for chart in chapter.charts)],
        names=[*NAMES, *chapters.names],
    )


def write_files(
    name: str,
    folder: UPath,
    *,
    context: dict[str, Any],
    drawn: Sequence[Chart],
    names: Sequence[str],
    package: str = ROOM,
    **filters: Callable[..., Any],
) -> None:
    """Write the Markdown and the page of that name, from a package's templates, and the charts as SVG.

    names: of all charts that there may be; those of an earlier report that this one does not have are removed. Raises
    OSError where the files cannot be written.
    """
    for chart_name in names:
        (folder / f"{chart_name}.svg").unlink(missing_ok=True)
    for chart in drawn:
        svg = vl_convert.vegalite_to_svg(chart.specification, vl_version=VEGA_LITE)
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")
    scripts = {"drawn": drawn, "specifications": specifications(drawn), "vega": vega() if drawn else ""}
    for ending, more in (("md", {}), ("html", scripts)):
        page = template(package, f"{name}.{ending}.j2", **FILTERS, **filters)
        (folder / f"{name}.{ending}").write_text(page.render(**context, **more), encoding="utf-8")


def specifications(drawn: Sequence[Chart]) -> list[str]:
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


FILTERS: dict[str, Callable[..., Any]] = {
    "ratio": format_ratio,
    "value": format_value,
    "description": describe,
    "outside": say_outside,
    "cell": _cell,
    "markdown": _markdown,
    "exact": say_exact,
    "profiles": say_profiles,
    "by_profile": say_wrong_by_profile,
    "by_layer": say_wrong_by_layer,
    "drawn": say_drawn,
    "kinks": say_kinks,
}
