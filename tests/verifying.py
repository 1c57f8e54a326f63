"""A verification from start to end, as `backproof.verify` has it, with a campaign in place of settings."""

from pathlib import Path
from typing import Any

from backproof.reports.report import Report
from backproof.reports.verdict import report_on
from backproof.studies.chapters import chapters_in
from backproof.verification import run
from backproof.verification.campaign import Campaign, Progress


def verify(source: str, campaign: Campaign, out: str | Path, progress: Progress | None = None, **where: Any) -> Report:
    return report_on(run.verify(source, campaign, out, progress, **where), chapters_in, progress)


def resume(out: str | Path, progress: Progress | None = None, **where: Any) -> Report:
    return report_on(run.resume(out, progress, **where), chapters_in, progress)
