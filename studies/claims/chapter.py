"""The notes on trial as files: claims.json, and a chapter on the page of a verification in the same folder."""

from __future__ import annotations

from upath import UPath

from backproof.reports.pages import template
from backproof.reports.rendering import FILTERS, Chapter, Chapters, read, read_report, write_page
from backproof.studies.claims.charts import CLAIM_CHARTS, claim_charts
from backproof.studies.claims.claim import Claims
from backproof.studies.claims.formulas import CORRECTED, PRINTED, mathml
from backproof.studies.claims.wording import say_times

CLAIMS = "claims.json"


def write_claims(claims: Claims, folder: UPath) -> None:
    """Write claims.json into the folder, and its chapter into the report, which a verification may be in already.

    Raises OSError where the files cannot be written.
    """
    (folder / CLAIMS).write_bytes(claims.to_json())
    write_page(read_report(folder), Chapters([_chapter(claims)], CLAIM_CHARTS), folder)


def chapter_in(folder: UPath) -> Chapter | None:
    """The chapter of the trial that has left its outcome in a folder, if one has."""
    claims = read(folder / CLAIMS, Claims)
    return _chapter(claims) if claims else None


def _chapter(claims: Claims) -> Chapter:
    charts = claim_charts(claims)
    context = {"claims": claims, "claim_charts": charts, "PRINTED": PRINTED, "CORRECTED": CORRECTED}
    markdown, html = (
        template("backproof.studies.claims", name, **FILTERS, mathml=mathml, times=say_times).render(context)
        for name in ("claims.md.j2", "claims.html.j2")
    )
    everything = [chart for some in charts.values() for chart in some]
    return Chapter("the notes on trial", markdown, html, everything, claims.environment)
