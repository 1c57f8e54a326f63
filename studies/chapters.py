"""What studies have left in a folder, as chapters for the page of a verification there."""

from __future__ import annotations

from upath import UPath

from backproof.reports.rendering import Chapters, read_report, write_page
from backproof.studies.claims.chapter import chapter_in
from backproof.studies.claims.charts import CLAIM_CHARTS


def chapters_in(folder: UPath) -> Chapters:
    """A chapter for each study that has left its outcome there."""
    return Chapters([chapter for chapter in [chapter_in(folder)] if chapter], CLAIM_CHARTS)


def write_page_of(folder: UPath) -> None:
    """Write report.html and report.md into a folder, of the report and the chapters that are there.

    Raises ValueError where there are none that this version could read, and OSError where the files cannot be written.
    """
    report, chapters = read_report(folder), chapters_in(folder)
    if report is None and not chapters.found:
        raise ValueError(f"in {folder} there is no report that this version of backproof can read")
    write_page(report, chapters, folder)
