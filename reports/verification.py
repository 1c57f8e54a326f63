"""A verification from start to end: judge and keep what is left to do, summarise, write the report."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from upath import UPath

from oracles.draw import GENERATOR
from reports.campaign import Campaign, CouldNotRunError, Progress
from reports.environment import environment
from reports.execution import Task, judge_parts
from reports.implementation import CouldNotLoadError, load_implementation, source_digest
from reports.rendering import write_report
from reports.report import SCHEMA_VERSION, ImplementationTested, QuantityOutcome, Report, Settings, Timing
from reports.store import Manifest, Store, read_manifest
from reports.summary import Summary
from reports.wording import conjoin

# What the numbers in the records depend on, besides the campaign and the implementation.
PACKAGES = ("numpy", "torch", "jax", "jaxlib")


def verify(
    source: str,
    campaign: Campaign,
    out: str | Path,
    progress: Progress | None = None,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
) -> Report:
    """Verify the implementation of that name or path, write the report into the folder `out`, and return it.

    out: a path, or an address of any filesystem that fsspec knows. jobs: in how many processes; scheduler: the address
    of a Dask cluster to do it instead. Neither changes the report; timing.json says how long it
    took.

    Raises CouldNotRunError where the folder cannot be written, the implementation cannot be loaded, an oracle cannot
    work, or something stops the campaign before it has found a disagreement; what was verified by then is written all
    the same.
    """
    started = time.perf_counter()
    manifest = Manifest(campaign, source, source_digest(source), _versions())
    try:
        store = Store.begun(_folder(out), manifest)
    except OSError as error:
        raise CouldNotRunError(f"the output folder {out} cannot be written: {error.strerror or error}") from error
    progress = progress or Progress()
    progress.expects(campaign.networks * len(campaign.dtypes))
    return _run(manifest, store, range(len(campaign.parts)), progress, jobs, scheduler, started)


def resume(out: str | Path, progress: Progress | None = None, *, jobs: int = 1, scheduler: str | None = None) -> Report:
    """Continue the run in the folder `out` where it was interrupted, with the settings that it was begun with.

    Parts that are finished stay as they are; one whose file is damaged, or belongs to another run, is judged anew.
    Raises ValueError where the folder holds no run, or the implementation or the packages have changed since, and
    CouldNotRunError as `verify` does.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), _folder(out)
    manifest = read_manifest(folder)
    _check_unchanged(manifest)
    store, parts = Store(folder, manifest.fingerprint), manifest.campaign.parts
    left = set(range(len(parts)))
    progress.expects(manifest.campaign.networks * len(manifest.campaign.dtypes))
    for path, part in store.finished():
        if part in left:
            left.discard(part)
            progress.judged(len(parts[part]) * len(manifest.campaign.dtypes))
        else:
            progress.note(f"{path} is damaged or belongs to another run; its networks are judged anew.")
            path.unlink()
    store.remove_unfinished()
    return _run(manifest, store, sorted(left), progress, jobs, scheduler, started)


def _folder(out: str | Path) -> UPath:
    """The folder as an absolute path, or at its address: workers may be elsewhere."""
    folder = UPath(out)
    return UPath(folder.resolve()) if folder.protocol in ("", "file", "local") else folder


def _versions() -> dict[str, str]:
    """The versions that a run depends on."""
    found = {"generator": str(GENERATOR), "backproof": importlib.metadata.version("backproof")}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = ""
    return found


def _check_unchanged(manifest: Manifest) -> None:
    """Raises ValueError where the rest of the run would not be what its beginning was."""
    if source_digest(manifest.source) != manifest.source_digest:
        raise ValueError(f"{manifest.source} has changed since the run was begun; verify it anew")
    for package, version in _versions().items():
        if manifest.versions.get(package) != version:
            raise ValueError(
                f"the run was begun with {package} {manifest.versions.get(package)}, and this is {version}: install "
                "that version, or verify anew"
            )


def _run(
    manifest: Manifest,
    store: Store,
    parts: Sequence[int],
    progress: Progress,
    jobs: int,
    scheduler: str | None,
    started: float,
) -> Report:
    """Judge the parts that are left, and report on all of them."""
    campaign, stopped, missing = manifest.campaign, None, list[str]()
    task = Task(campaign, manifest.source, str(store.folder), store.fingerprint)
    try:
        missing = list(load_implementation(manifest.source).missing)
        judge_parts(task, parts, progress, jobs=jobs, scheduler=scheduler)
    except (Exception, KeyboardInterrupt) as error:
        stopped = error
    progress.stage("writing the report")
    report = _report(ImplementationTested(manifest.source, missing), campaign, store, stopped)
    write_report(report, store.folder)
    seconds = time.perf_counter() - started
    (store.folder / "timing.json").write_bytes(Timing(seconds, report.networks / seconds).to_json())
    if report.verdict == "could not run":
        failure = CouldNotRunError(report.summary)
        failure.report = report
        raise failure from stopped
    return report


def _report(
    implementation: ImplementationTested,
    campaign: Campaign,
    store: Store,
    stopped: BaseException | None,
) -> Report:
    summary = Summary(store.tables(), implementation.source, campaign)
    verdict, sentence = _verdict(implementation.source, campaign, summary, stopped)
    return Report(
        schema_version=SCHEMA_VERSION,
        verdict=verdict,
        summary=sentence,
        implementation=implementation,
        settings=Settings(
            networks=campaign.networks,
            seed=campaign.seed,
            profile=campaign.profile,
            dtypes=list(campaign.dtypes),
            oracles=list(campaign.oracles),
            grade=campaign.grade,
            bound=campaign.bound,
            attribute=campaign.attribute,
            generator=GENERATOR,
        ),
        networks=summary.networks,
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


def _verdict(
    name: str, campaign: Campaign, summary: Summary, stopped: BaseException | None
) -> tuple[Literal["agree", "disagree", "could not run"], str]:
    """The verdict, and the sentence that says it."""
    oracles, networks = conjoin(campaign.oracles), summary.networks
    until = f" (stopped after {networks} of {campaign.networks}: {_reason(stopped)})" if stopped else ""
    if failed := summary.failed_networks:
        grade = "; it would agree if functions had to be accurate only absolutely" if summary.all_leniently else ""
        kinds = conjoin(list(dict.fromkeys(place.quantity.partition("[")[0] for place in summary.failures)))
        disagrees = f"{name} disagrees with {oracles} on {failed} of {networks} networks, in {kinds}"
        return "disagree", f"{disagrees}{_who_is_wrong(name, summary)}{grade}{until}."
    if stopped is not None:
        so_far = f"; on the {networks} networks until then it agreed" if networks else ""
        return "could not run", f"{name} could not be verified: {_reason(stopped)}{so_far}."
    outcomes = summary.quantities
    if not any(outcome.cases for outcome in outcomes):
        return (
            "could not run",
            f"{name} could not be verified: there was nothing to check on any of {networks} networks.",
        )
    checked = summary.checked_networks
    where = (
        f"all {networks} networks" if checked == networks else f"the {checked} of {networks} networks that it handles"
    )
    worst = max(outcome.worst_ratio or 0.0 for outcome in outcomes)
    certified = ", and everybody is within their own bound of the certified values" if campaign.attribute else ""
    return "agree", (
        f"{name} agrees with {oracles} on {where}, in {conjoin(campaign.dtypes)}: "
        f"no error is larger than {worst:.3g} of what rounding explains{certified}{_exact(summary)}"
        f"{_left_open(outcomes, networks)}."
    )


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


def _exact(summary: Summary) -> str:
    """What equals the exact values, as a part of the verdict's sentence."""
    if not summary.exact:
        return ""
    counts = [f"{mode.networks} {mode.dtype}" for mode in summary.exact]
    if len({mode.networks for mode in summary.exact}) == 1:
        counts = [str(summary.exact[0].networks)]
    return f"; the {conjoin(counts)} networks that must be exact are, to the bit"


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
