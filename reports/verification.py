"""A verification from start to end: load, judge, keep, summarise, write the report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from oracles.draw import GENERATOR
from oracles.registry import Oracle
from reports.campaign import Campaign, CouldNotRunError, Judgement, Progress, judge, load_oracles
from reports.environment import environment
from reports.implementation import CouldNotLoadError, Implementation, load_implementation
from reports.records import Store
from reports.rendering import write_report
from reports.report import SCHEMA_VERSION, ImplementationTested, QuantityOutcome, Report, Settings, Timing
from reports.summary import Summary
from reports.wording import conjoin


def verify(source: str, campaign: Campaign, out: Path, progress: Progress | None = None) -> Report:
    """Verify the implementation of that name or path, write the report into the folder `out`, and return it.

    Raises CouldNotRunError where the folder
    cannot be written, the implementation cannot be loaded, an oracle cannot work, or something stops the campaign
    before it has found a disagreement; what was verified by then is written all the same.
    """
    started, progress = time.perf_counter(), progress or Progress()
    try:
        store = Store(out)
    except OSError as error:
        raise CouldNotRunError(f"the output folder {out} cannot be written: {error.strerror}") from error
    implementation, stopped = Implementation(source, {}), None
    try:
        oracles = load_oracles(campaign.oracles, progress)
        implementation = load_implementation(source)
        _judge_all(campaign, implementation, oracles, store, progress)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    progress.stage("writing the report")
    report = _report(implementation, campaign, store, stopped, time.perf_counter() - started)
    write_report(report, out)
    if report.verdict == "could not run":
        failure = CouldNotRunError(report.summary)
        failure.report = report
        raise failure from stopped
    return report


def _judge_all(
    campaign: Campaign, implementation: Implementation, oracles: list[Oracle], store: Store, progress: Progress
) -> None:
    """Judge and keep all networks; what a part has when something stops it is kept as well."""
    for start, cases in campaign.parts():
        done: list[tuple[int, Judgement]] = []
        try:
            judgements = judge(cases, implementation, oracles, campaign.grade, progress, attribute=campaign.attribute)
            for judgement in judgements:
                done.append((start + len(done) // len(campaign.dtypes), judgement))
        finally:
            if done:
                store.add(done)


def _report(
    implementation: Implementation, campaign: Campaign, store: Store, stopped: BaseException | None, seconds: float
) -> Report:
    summary = Summary(store, implementation.name, campaign)
    networks = summary.networks()
    verdict, sentence = _verdict(implementation, campaign, summary, stopped)
    return Report(
        schema_version=SCHEMA_VERSION,
        verdict=verdict,
        summary=sentence,
        implementation=ImplementationTested(source=implementation.name, missing=list(implementation.missing)),
        settings=Settings(
            networks=campaign.networks,
            seed=campaign.seed,
            profile=campaign.profile,
            dtypes=list(campaign.dtypes),
            oracles=list(campaign.oracles),
            grade=campaign.grade,
            attribute=campaign.attribute,
            generator=GENERATOR,
        ),
        networks=networks,
        quantities=summary.quantities(),
        failures=summary.failures(),
        worst=summary.largest_ratios(),
        growth=summary.growth(),
        unchecked=summary.unchecked(),
        undecided_neurons=summary.undecided(),
        environment=environment(),
        timing=Timing(seconds=seconds, networks_per_second=networks / seconds),
    )


def _verdict(
    implementation: Implementation, campaign: Campaign, summary: Summary, stopped: BaseException | None
) -> tuple[Literal["agree", "disagree", "could not run"], str]:
    """The verdict, and the sentence that says it."""
    name, oracles, networks = implementation.name, conjoin(campaign.oracles), summary.networks()
    until = f" (stopped after {networks} of {campaign.networks}: {_reason(stopped)})" if stopped else ""
    if failed := summary.failed_networks():
        grade = "; it would agree if functions had to be accurate only absolutely" if summary.all_leniently() else ""
        kinds = conjoin(list(dict.fromkeys(place.quantity.partition("[")[0] for place in summary.failures())))
        disagrees = f"{name} disagrees with {oracles} on {failed} of {networks} networks, in {kinds}"
        return "disagree", f"{disagrees}{_who_is_wrong(name, summary)}{grade}{until}."
    if stopped is not None:
        so_far = f"; on the {networks} networks until then it agreed" if networks else ""
        return "could not run", f"{name} could not be verified: {_reason(stopped)}{so_far}."
    outcomes = summary.quantities()
    if not any(outcome.cases for outcome in outcomes):
        return (
            "could not run",
            f"{name} could not be verified: there was nothing to check on any of {networks} networks.",
        )
    checked = summary.checked_networks()
    where = (
        f"all {networks} networks" if checked == networks else f"the {checked} of {networks} networks that it handles"
    )
    worst = max(outcome.worst_ratio or 0.0 for outcome in outcomes)
    certified = ", and everybody is within their own bound of the certified values" if campaign.attribute else ""
    return "agree", (
        f"{name} agrees with {oracles} on {where}, in {conjoin(campaign.dtypes)}: "
        f"no error is larger than {worst:.3g} of what rounding explains{certified}{_left_open(outcomes, networks)}."
    )


def _who_is_wrong(name: str, summary: Summary) -> str:
    """Whom the certified values put in the wrong, as a part of the verdict's sentence."""
    wrong = summary.wrong_by_certified_values()
    if not wrong:
        return ""
    who = {"implementation": name, "oracle": "an oracle", "both": f"{name} and an oracle at once", "neither": "nobody"}
    if len(wrong) == 1 and "undecided" not in wrong:
        return f"; the certified values say that {who[next(iter(wrong))]} is wrong"
    counts = [f"{who.get(outside, 'undecided')} on {count}" for outside, count in wrong.items()]
    return f"; wrong by the certified values: {conjoin(counts)}"


def _left_open(outcomes: list[QuantityOutcome], networks: int) -> str:
    """What was checked on less than half of the networks, or on none."""
    fewest: dict[str, int] = {}
    for outcome in outcomes:
        fewest[outcome.quantity] = min(outcome.cases, fewest.get(outcome.quantity, networks))
    few = [f"{quantity} ({cases})" for quantity, cases in fewest.items() if 0 < cases < networks / 2]
    never = [quantity for quantity, cases in fewest.items() if not cases]
    return (f"; checked on few networks only: {', '.join(few)}" if few else "") + (
        f"; not checked at all: {', '.join(never)}" if never else ""
    )


def _reason(stopped: BaseException) -> str:
    """Why a campaign stopped, in a phrase."""
    if isinstance(stopped, KeyboardInterrupt):
        return "it was interrupted"
    if isinstance(stopped, CouldNotRunError | CouldNotLoadError):
        return str(stopped)
    return f"{type(stopped).__name__}: {stopped}"
