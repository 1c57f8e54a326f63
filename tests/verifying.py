"""A verification from start to end, as `backproof.verify` has it, with a campaign in place of settings."""

from pathlib import Path
from typing import Any

from backproof.api import told
from backproof.reports.report import Report
from backproof.verification import run
from backproof.verification.campaign import Campaign, Progress


def verify(
    source: str, campaign: Campaign, out: str | Path, progress: Progress | None = None, *, page=False, **where: Any
) -> Report:
    return told(run.verify(source, campaign, out, progress, **where), progress, page=page)


def resume(out: str | Path, progress: Progress | None = None, **where: Any) -> Report:
    return told(run.resume(out, progress, **where), progress)
