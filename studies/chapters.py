"""What studies have left in a folder, as chapters for the page of a verification there."""

from __future__ import annotations

from upath import UPath

from backproof.reports.rendering import Chapter
from backproof.studies.claims.chapter import chapter_in


def chapters_in(folder: UPath) -> list[Chapter]:
    """A chapter for each study that has left its outcome there."""
    return [chapter for chapter in [chapter_in(folder)] if chapter]
