"""The laboratory: every part of it run in turn, and the report on how good the suite is."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from backproof.mistakes.catalogue import MISTAKES
from backproof.mistakes.leaks import LEAKS
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import PROFILES
from backproof.oracles.registry import Oracle
from backproof.reports.environment import environment
from backproof.studies.power import equivalence
from backproof.studies.power.conformance import PLANTED, Catch, by_conformance, by_unit_tests
from backproof.studies.power.detection import METHODS, Specimen, detect, floors, specimens
from backproof.studies.power.false_alarms import Alarms, false_alarms
from backproof.studies.power.mutation import Mutant, mutants, planted, unchanged
from backproof.studies.power.plan import Plan
from backproof.studies.power.rendering import write_power_report
from backproof.studies.power.report import (
    SCHEMA_VERSION,
    AlarmOutcome,
    CatchingTest,
    EquivalentMutant,
    FloorOutcome,
    LeakOutcome,
    MistakeOutcome,
    Mutants,
    PowerReport,
    Settings,
    Timing,
)
from backproof.studies.power.wording import summarise
from backproof.studies.usual import USUAL
from backproof.verification.campaign import CouldNotRunError, Progress, load_oracles
from backproof.verification.folders import made
from backproof.verification.implementation import as_implementation, load_implementation

# Each mistake has to show within so many networks of profile `all`.
CATALOGUE_NETWORKS = 20


def power(plan: Plan, out: Path, progress: Progress | None = None) -> PowerReport:
    """Run the parts of the plan, write the report into the folder `out`, and return it.

    Raises CouldNotRunError where the folder cannot be written, the oracle cannot work, or a part cannot be run.
    """
    started, progress, folder = time.perf_counter(), progress or Progress(), made(out)
    (oracle,) = load_oracles([plan.oracle], progress)
    alarms = _alarms(plan, progress) if "false-alarms" in plan.parts else Alarms()
    found = PowerReport(
        schema_version=SCHEMA_VERSION,
        verdict="holds",
        summary=[],
        settings=Settings(list(plan.parts), plan.networks, plan.alarm_networks, plan.seed, plan.oracle),
        mistakes=_catalogue(oracle, progress) if "catalogue" in plan.parts else [],
        mutants=_mutants(oracle, mutants(), progress) if "mutants" in plan.parts else None,
        floors=_floors(oracle, plan.networks, progress) if "floors" in plan.parts else [],
        leaks=_leaks(oracle, plan.networks, progress) if "leaks" in plan.parts else [],
        alarms=_alarm_outcomes(alarms),
        alarm_places=alarms.places,
        environment=environment(),
        timing=Timing(time.perf_counter() - started),
    )
    verdict, summary = summarise(found)
    report = msgspec.structs.replace(found, verdict=verdict, summary=summary)
    write_power_report(report, folder)
    return report


def _catalogue(oracle: Oracle, progress: Progress) -> list[MistakeOutcome]:
    """Every mistake of the catalogue, on the networks that it has to show on."""
    progress.stage("trying the catalogue of mistakes")
    among = specimens(oracle, CATALOGUE_NETWORKS)
    found = []
    for name, mistake in MISTAKES.items():
        detection = detect(as_implementation(mistake()), among)
        found.append(
            MistakeOutcome(
                name=name,
                quantity=detection.quantity,
                dtype=detection.dtype,
                networks=detection.networks,
                first={method: detection.first.get(method) for method in METHODS},
                shown=dict(detection.shown),
            )
        )
    return found


def _mutants(oracle: Oracle, among: Sequence[Mutant], progress: Progress) -> Mutants:
    """Every mutant against the conformance suite, what is left against the unit tests, what is left of that listed."""
    progress.stage(f"running the conformance suite on {len(among)} mutants")
    caught = {mutant: catch for mutant, catch in by_conformance(among, progress).items() if catch}
    progress.stage("running the unit tests on what it does not reach")
    left = [mutant for mutant in among if mutant not in caught]
    control = unchanged()
    tried = by_unit_tests([control, *left], progress)
    if failure := tried.pop(control, None):
        raise CouldNotRunError(f"the unit tests do not pass without a mutant: {failure.test} fails")
    unit = {mutant: catch for mutant, catch in tried.items() if catch}
    alive = [mutant for mutant in left if mutant not in unit]
    progress.stage("checking what is called equivalent")
    reasons, names = equivalence.listed(), {mutant.name: mutant for mutant in among}
    claimed = [mutant for mutant in alive if mutant.name in reasons]
    different = equivalence.differences(claimed)
    progress.stage("trying the usual tolerances on mutants")
    needed = [catch.networks for catch in caught.values() if catch.networks]
    tests = Counter(catch.test for catch in [*caught.values(), *unit.values()])
    return Mutants(
        total=len(among),
        by_conformance=len(caught),
        by_unit_tests=len(unit),
        tests=[CatchingTest(test, count) for test, count in tests.most_common()],
        networks_median=statistics.median(needed) if needed else None,
        networks_most=max(needed, default=None),
        usually=_usually(caught, specimens(oracle, CATALOGUE_NETWORKS)),
        equivalent=[EquivalentMutant(m.name, reasons[m.name]) for m in claimed if m not in different],
        survivors=[mutant.name for mutant in alive if mutant not in claimed or mutant in different],
        stale=[
            *(f"{name}: there is no such mutant" for name in reasons if name not in names),
            *(f"{m.name}: {catch.test} catches it" for m, catch in {**caught, **unit}.items() if m.name in reasons),
            *(f"{mutant.name}: it differs in {place}" for mutant, place in different.items()),
        ],
    )


def _usually(caught: dict[Mutant, Catch], among: Sequence[Specimen]) -> dict[str, int | None]:
    """How many of the mutants each method sees on a few networks; one that cannot be imported everybody sees."""
    seen: Counter[str] = Counter()
    for mutant in caught:
        try:
            with planted(mutant, PLANTED):
                seen.update(detect(load_implementation(PLANTED), among, until_seen=True).first.keys())
        except Exception:
            seen.update(METHODS)
    return {method: seen[method] for method in METHODS}


def _floors(oracle: Oracle, networks: int, progress: Progress) -> list[FloorOutcome]:
    """What of a gradient entry off by a little is seen, by profile and dtype."""
    progress.stage("looking for the detection floor")
    return [floor for dtype in DTYPES for profile in PROFILES for floor in floors(oracle, networks, profile, dtype)]


def _leaks(oracle: Oracle, networks: int, progress: Progress) -> list[LeakOutcome]:
    """Each step computed in half as many bits, in either dtype."""
    progress.stage("leaking precision")
    found = []
    for dtype in DTYPES:
        among = specimens(oracle, networks, "ordinary", (dtype,))
        for step, leak in LEAKS.items():
            detection = detect(as_implementation(leak()), among)
            first = {method: detection.first.get(method) for method in METHODS}
            found.append(LeakOutcome(step, dtype, detection.networks, first, dict(detection.shown)))
    return found


def _alarms(plan: Plan, progress: Progress) -> Alarms:
    progress.stage(f"judging right implementations on {plan.alarm_networks} networks")
    return false_alarms(
        plan.alarm_networks, seed=plan.seed, oracle=plan.oracle, workers=plan.workers, progress=progress
    )


def _alarm_outcomes(alarms: Alarms) -> list[AlarmOutcome]:
    return [
        AlarmOutcome(
            way=key.way,
            profile=key.profile,
            dtype=key.dtype,
            networks=networks,
            alarms=alarms.alarms[key, METHODS[0]],
            tried=alarms.tried[key],
            usually={
                tolerance.name: alarms.alarms[key, tolerance.name]
                for tolerance in USUAL
                if key.dtype in tolerance.pairs
            },
        )
        for key, networks in sorted(alarms.networks.items())
    ]
