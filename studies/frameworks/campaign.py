"""The matrix from start to end: load the backends, compare, report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec
import threadpoolctl

from backproof.oracles.draw import GENERATOR
from backproof.reports.environment import environment
from backproof.reports.report import Timing
from backproof.studies.frameworks import report as fields
from backproof.studies.frameworks.backends import Backend, Missing, load_backends
from backproof.studies.frameworks.matrix import QUANTITIES, TRUTH, Cell, fill, rows
from backproof.studies.frameworks.rendering import write_report
from backproof.studies.frameworks.report import FrameworksReport
from backproof.studies.frameworks.settings import Settings
from backproof.verification.campaign import CouldNotRunError, Progress, why_stopped
from backproof.verification.folders import made
from backproof.verification.wording import conjoin


def frameworks(settings: Settings, out: str | Path, progress: Progress | None = None) -> FrameworksReport:
    """Fill the matrix, write its report into the folder `out`, and return it.

    Raises CouldNotRunError where the folder cannot be written, there is none of the backends, or something stops the
    comparison before it has found a violation; what was compared by then is written all the same.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), made(out)
    progress.stage("loading the frameworks")
    backends, missing = load_backends(settings.frameworks, settings.dtypes)
    if not backends:
        reasons = [f"{one.backend}: {one.why}" for one in missing]
        raise CouldNotRunError(f"there is nothing to compare; {'; '.join(reasons)}")
    matrix: list[Cell] = []
    stopped: BaseException | None = None
    progress.expects(settings.networks * len(settings.dtypes))
    try:
        # One thread: how sums are split must not depend on the machine.
        with threadpoolctl.threadpool_limits(limits=1):
            for matrix in fill(settings, backends, progress):  # noqa: B007  the last one is wanted
                pass
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    progress.stage("writing the report")
    report = _report(settings, backends, missing, matrix, stopped, time.perf_counter() - started)
    write_report(report, folder)
    if report.verdict == "could not run":
        raise CouldNotRunError(report.summary) from stopped
    return report


def _report(
    settings: Settings,
    backends: list[Backend],
    missing: list[Missing],
    matrix: list[Cell],
    stopped: BaseException | None,
    seconds: float,
) -> FrameworksReport:
    used = [fields.backend_used(backend, matrix) for backend in backends] if matrix else []
    networks = min(
        (one.networks for one in used if not one.slow), default=max((one.networks for one in used), default=0)
    )
    verdict, summary = _verdict(settings, matrix, networks, missing, stopped)
    return FrameworksReport(
        schema_version=fields.SCHEMA_VERSION,
        verdict=verdict,
        summary=summary,
        settings=msgspec.convert(vars(settings) | {"generator": GENERATOR}, fields.SettingsUsed),
        networks=networks,
        backends=used,
        missing=missing,
        outcomes=fields.outcomes(matrix),
        worst=fields.worst(matrix),
        environment=environment(),
        timing=Timing(seconds=seconds, networks_per_second=networks / seconds),
    )


def _verdict(
    settings: Settings, matrix: list[Cell], networks: int, missing: list[Missing], stopped: BaseException | None
) -> tuple[Literal["within bounds", "violations", "could not run"], str]:
    """The verdict, and the sentence that says it."""
    until = f" (stopped after {networks} of {settings.networks} networks: {why_stopped(stopped)})" if stopped else ""
    truths = [cell for cell in matrix if cell.against == TRUTH]
    outside = [cell for cell in truths if cell.violations.any()]
    if outside:
        named = conjoin([f"{cell.backend.name} in {cell.backend.dtype}" for cell in outside])
        kinds = [q for q in QUANTITIES if any(cell.violations[rows(q)].any() for cell in outside)]
        return "violations", f"{named} left the truth by more than rounding explains, in {conjoin(kinds)}{until}."
    if stopped:
        return (
            "could not run",
            f"The comparison did not come to its end{until}; nobody was outside their bounds by then.",
        )
    largest = max(cell.ratios.most(slice(None)) for cell in truths)
    entries = sum(int(cell.entries.sum()) for cell in truths)
    return "within bounds", (
        f"All {len(truths)} backends are within their derived bounds of the certified values, in {entries:,} entries "
        f"of {networks} networks: no error is larger than {largest:.3g} of what rounding explains"
        f"{_left_out(truths, missing)}."
    )


def _left_out(truths: list[Cell], missing: list[Missing]) -> str:
    """Which backends are not there at all, and which lack a dtype, as an end of a sentence."""
    there = {cell.backend.name for cell in truths}
    names = [one.backend + (f" in {conjoin(one.dtypes)}" if one.backend in there else "") for one in missing]
    return f"; not there: {conjoin(names)}" if names else ""
