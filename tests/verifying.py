"""A verification from start to end, as `backproof.verify` has it, with a campaign in place of settings."""

from pathlib import Path
from typing import Any

from backproof import write_page
from backproof.reports.report import Report
from backproof.reports.verdict import report_on
from backproof.verification import run
from backproof.verification.campaign import Campaign, Progress


def verify(
    source: str, campaign: Campaign, out: str | Path, progress: Progress | None = None, *, page=False, **where: Any
) -> Report:
    judged = run.verify(source, campaign, out, progress, **where)
    try:
        return report_on(judged, progress)
    finally:
        if page:
            write_page(str(out))


def resume(out: str | Path, progress: Progress | None = None, **where: Any) -> Report:
    return report_on(run.resume(out, progress, **where), progress)
