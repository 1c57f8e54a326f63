"""What studies have left in a folder, as chapters for the page of a verification there."""

from __future__ import annotations

from upath import UPath

from backproof.reports.rendering import Chapters
from backproof.studies.claims.chapter import chapter_in
from backproof.studies.claims.charts import CLAIM_CHARTS


def chapters_in(folder: UPath) -> Chapters:
    """A chapter for each study that has left its outcome there."""
    return Chapters([chapter for chapter in [chapter_in(folder)] if chapter], CLAIM_CHARTS)
