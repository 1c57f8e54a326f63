"""What a run came to: its report, with the verdict in a sentence, worked out of the records and written."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from backproof.oracles.draw import GENERATOR
from backproof.reports.environment import environment
from backproof.reports.report import (
    SCHEMA_VERSION,
    DifferenceFound,
    ImplementationTested,
    MistakeFound,
    QuantityOutcome,
    Report,
    Settings,
    Timing,
    Unchecked,
    Verdict,
)
from backproof.reports.summary import Summary
from backproof.verification.campaign import Campaign, CouldNotRunError, Progress, why_stopped
from backproof.verification.folders import write_whole
from backproof.verification.implementation import name_of
from backproof.verification.run import Run
from backproof.verification.wording import DECLINES, conjoin

# The share of entries too coarse to be checked from which on the verdict tells of them.
LEAST_SHARE = 0.01


def report_on(run: Run, progress: Progress | None = None) -> Report:
    """Write the report of a run into its folder as JSON, and return it; timing.json says how long all of it took.

    Where it cannot be written, `progress` is told why, and the verdict is what it is. No earlier report is left.

    Raises CouldNotRunError where something stopped the run before it had found a disagreement, or there was nothing to
    check; the report is written all the same. And where the folder is no longer this run's; then nothing is written.
    """
    progress = progress or Progress()
    progress.stage("writing the report")
    folder = run.store.folder
    try:
        report = _report(run)
    finally:  # what another run has taken away is not there to be read either
        run.store.check_undisturbed()
    try:
        run.store.remove_report()
        write_whole(folder / "report.json", report.to_json())
        seconds = time.perf_counter() - run.started
        write_whole(folder / "timing.json", Timing(seconds, report.networks / seconds).to_json())
    except OSError as error:
        progress.note(f"The report could not be written into {folder}: {error.strerror or error}.")
    if report.verdict == "could not run":
        failure = CouldNotRunError(report.summary)
        failure.report = report
        raise failure from run.stopped
    return report


def _report(run: Run) -> Report:
    campaign, name = run.manifest.campaign, name_of(run.manifest.source)
    summary = Summary([shard.path for shard in run.shards], run.manifest.source, campaign, run.declared)
    verdict, sentence = _verdict(name, campaign, summary, run.stopped)
    return Report(
        schema_version=SCHEMA_VERSION,
        verdict=verdict,
        summary=sentence,
        implementation=ImplementationTested(name, list(run.missing)),
        settings=msgspec.convert(
            msgspec.structs.asdict(campaign) | {"generator": GENERATOR, "own": campaign.own}, Settings
        ),
        networks=summary.networks,
        drawn=summary.drawn,
        profiles=summary.profiles,
        layers=summary.layers,
        differences=summary.explained.differences,
        mistakes=summary.explained.mistakes,
        quantities=summary.quantities,
        failures=summary.failures,
        worst=summary.largest_ratios,
        growth=summary.growth,
        unchecked=summary.unchecked,
        undecided_neurons=summary.undecided,
        undecidable_neurons=summary.undecidable,
        exact=summary.exact,
        environment=environment(),
    )


def _verdict(name: str, campaign: Campaign, summary: Summary, stopped: BaseException | None) -> tuple[Verdict, str]:
    """The verdict, and the sentence that says it."""
    oracles, networks = conjoin(campaign.oracles), summary.networks
    if stopped is None and networks != campaign.networks:
        stopped = CouldNotRunError("there are no records of the others, or not in every dtype")
    until = f" (stopped after {networks} of {campaign.networks}: {why_stopped(stopped)})" if stopped else ""
    failed = summary.failed_networks
    if failed and summary.explained.is_right and stopped is None:
        differences = summary.explained.differences
        declared = all(found.declared for found in differences)
        if not campaign.strict or all(
            found.declared or found.declares in (campaign.known or ()) for found in differences
        ):
            return "agree" if declared else "agree but for", _but_for(name, summary)
    if failed:
        grade = "; it would agree if functions had to be accurate only absolutely" if summary.all_leniently else ""
        kinds = conjoin(list(dict.fromkeys(place.quantity.partition("[")[0] for place in summary.failures)))
        disagrees = f"{name} disagrees with {oracles} on {failed} of {summary.begun} networks, in {kinds}"
        said = f"{disagrees}{_who_is_wrong(name, summary)}{_where_right(summary)}{grade}{until}"
        return "disagree", f"{said}.{_named(summary)}{_new(campaign, summary)}"
    if stopped is not None:
        so_far = f"; on the {networks} networks until then it agreed" if networks else ""
        return "could not run", f"{name} could not be verified: {why_stopped(stopped)}{so_far}."
    outcomes = summary.quantities
    if not any(outcome.cases for outcome in outcomes):
        reasons = _declined(summary.unchecked)
        return (
            "could not run",
            f"{name} could not be verified: there was nothing to check on any of {networks} networks{reasons}.",
        )
    checked = summary.checked_networks
    where = _all(networks) if checked == networks else f"the {checked} of {networks} networks that it handles"
    worst = max(outcome.worst_ratio or 0.0 for outcome in outcomes)
    certified = ", and everybody is within their own bound of the certified values" if campaign.attribute else ""
    return "agree", (
        f"{name} agrees with {oracles} on {where}, in {conjoin(campaign.dtypes)}: "
        f"no error is larger than {worst:.3g} of what rounding explains{certified}{_exact(summary)}"
        f"{_left_open(outcomes, networks)}{_too_coarse(outcomes)}."
    )


def _but_for(name: str, summary: Summary) -> str:
    """That it is right, but for what it does otherwise."""
    differences = [
        f"it {found.what} ({'as declared, ' * found.declared}{_where(found)})"
        for found in summary.explained.differences
    ]
    return f"{name} is right on {_all(summary.networks)}, but for this: {conjoin(differences)}."


def _all(networks: int) -> str:
    return "the network" if networks == 1 else f"all {networks} networks"


def _where(found: DifferenceFound | MistakeFound) -> str:
    """In which functions something was seen, and on how many networks."""
    return f"{found.networks} network{'s' * (found.networks != 1)}, in {conjoin(found.functions)}"


def _named(summary: Summary) -> str:
    """The mistakes and differences that explain what is wrong, as sentences."""
    said = [
        f" Its answers there are those of {conjoin(found.names)}, in {conjoin(found.functions)}"
        f"{f' (and of {conjoin(found.others)})' if found.others else ''}: {found.what}"
        for found in summary.explained.mistakes
    ]
    return "".join(said)


def _new(campaign: Campaign, summary: Summary) -> str:
    """The differences that an earlier report does not have, where there is one, as a sentence."""
    if campaign.known is None:
        return ""
    new = [f"it {each.what}" for each in summary.explained.differences if each.declares not in campaign.known]
    return f" This is new: {conjoin(new)}." if new else ""


def _who_is_wrong(name: str, summary: Summary) -> str:
    """Whom the certified values put in the wrong, as a part of the verdict's sentence."""
    wrong = summary.wrong_by_certified_values
    if not wrong:
        return ""
    who = {"implementation": name, "oracle": "an oracle", "both": f"{name} and an oracle at once", "neither": "nobody"}
    if len(wrong) == 1 and "undecided" not in wrong:
        return f"; the certified values say that {who[next(iter(wrong))]} is wrong"
    counts = [f"{who.get(outside, 'undecided')} on {count}" for outside, count in wrong.items()]
    return f"; wrong by the certified values: {conjoin(counts)}"


def _where_right(summary: Summary) -> str:
    """That nothing is wrong on ordinary networks, where that is so, as a part of the verdict's sentence."""
    ordinary = next((one for one in summary.profiles if one.profile == "ordinary"), None)
    if ordinary is None or ordinary.failed or not ordinary.checked:
        return ""
    return f"; on the {ordinary.checked} ordinary networks it is right"


def _declined(unchecked: list[Unchecked]) -> str:
    """Why functions declined networks, in their own words, as a part of the verdict's sentence."""
    reasons: dict[str, int] = {}
    for row in unchecked:
        function, found, words = row.cause.partition(f" {DECLINES}")
        if found:
            reason = f"{function}{words}"
            reasons[reason] = max(reasons.get(reason, 0), row.networks)
    said = [f"{reason} ({count})" for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])[:3]]
    return f"; declined by {conjoin(said)}" if said else ""


def _exact(summary: Summary) -> str:
    """What equals the exact values, as a part of the verdict's sentence."""
    if not summary.exact:
        return ""
    modes = summary.exact
    if len({(mode.networks, mode.inexact) for mode in modes}) == 1:
        modes = modes[:1]
    counts = [
        f"{mode.networks - mode.inexact} of {mode.networks}{f' {mode.dtype}' if len(modes) > 1 else ''}"
        for mode in modes
    ]
    return f"; of networks where nothing has to be rounded {conjoin(counts)} are exact, to the bit"


def _too_coarse(outcomes: list[QuantityOutcome]) -> str:
    """Of which quantities a hundredth and more could not be checked, or only in float64, for the verdict's sentence."""
    unchecked = _shares(outcomes, lambda outcome: outcome.coarse_entries - outcome.finer_entries)
    finer = _shares(outcomes, lambda outcome: outcome.finer_entries)
    return (f"; rounding may change by a tenth, and so leaves unchecked, {conjoin(unchecked)}" if unchecked else "") + (
        f"; {conjoin(finer)} that float32 leaves unchecked are right in float64" if finer else ""
    )


def _shares(outcomes: list[QuantityOutcome], count: Callable[[QuantityOutcome], int]) -> list[str]:
    """How much of each quantity some of its numbers are, where that is no less than a hundredth in any dtype."""
    shares: dict[str, float] = {}
    for outcome in outcomes:
        share = count(outcome) / max(outcome.entries, 1)
        if outcome.cases and share >= LEAST_SHARE:
            shares[outcome.quantity] = max(share, shares.get(outcome.quantity, 0.0))
    return [f"{share:.0%} of {quantity}" for quantity, share in shares.items()]


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
