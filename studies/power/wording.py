"""The laboratory's findings in sentences, the same in every rendering."""

from __future__ import annotations

from typing import Literal, NamedTuple

from backproof.oracles.case import DTYPES
from backproof.oracles.profiles import DRAWN
from backproof.studies.power.detection import DERIVED, METHODS
from backproof.studies.power.report import AlarmOutcome, FloorOutcome, LeakOutcome, MistakeOutcome, Mutants, PowerReport
from backproof.studies.usual import USUAL

# The tolerance that the floor is set beside in the summary.
BESIDE = USUAL[0].name


def summarise(report: PowerReport) -> tuple[Literal["holds", "fails"], list[str]]:
    """Whether the suite does what it should, and a sentence on each part that was run."""
    missed = [mistake.name for mistake in report.mistakes if mistake.first[DERIVED] is None]
    blamed = sum(alarm.alarms for alarm in report.alarms)
    broken = missed or blamed or (report.mutants and (report.mutants.survivors or report.mutants.stale))
    sentences = []
    if report.mistakes:
        sentences.append(_say_mistakes(report.mistakes, missed))
    if report.mutants:
        sentences.append(_say_mutants(report.mutants))
    if report.floors:
        sentences += [_say_floor(report.floors, dtype) for dtype in DTYPES]
    if report.leaks:
        sentences.append(_say_leaks(report.leaks))
    if report.alarms:
        sentences.append(_say_alarms(report.alarms, blamed))
    return "fails" if broken else "holds", sentences


def _say_mistakes(mistakes: list[MistakeOutcome], missed: list[str]) -> str:
    """How many mistakes are caught, and how soon at the latest."""
    latest = max((mistake.first[DERIVED] or 0 for mistake in mistakes), default=0)
    networks = mistakes[0].networks
    if missed:
        return f"{len(missed)} of {len(mistakes)} mistakes do not show on {networks} networks: {', '.join(missed)}."
    return f"All {len(mistakes)} mistakes of the catalogue are caught, each within {latest} networks."


def _say_mutants(mutants: Mutants) -> str:
    """What became of the mutants."""
    caught = f"the conformance suite catches {mutants.by_conformance}"
    if mutants.by_unit_tests:
        caught += f", the unit tests {mutants.by_unit_tests} that lie outside the contract"
    left = f"; {len(mutants.equivalent)} are shown to be equivalent, and {len(mutants.survivors)} survive"
    stale = f" ({len(mutants.stale)} faults in the list of equivalent ones)" if mutants.stale else ""
    return f"Of {mutants.total} mutants of reference_impl {caught}{left}{stale}."


def _say_floor(floors: list[FloorOutcome], dtype: str) -> str:
    """The relative error that is sure to be seen on half of the ordinary networks, beside the usual."""
    own, usual = (
        next(f for f in floors if (f.profile, f.dtype, f.method) == ("ordinary", dtype, method))
        for method in (DERIVED, BESIDE)
    )
    finer = f", {usual.median / own.median:.2g} times finer" if own.median and usual.median else ""
    return (
        f"In {dtype} a gradient entry that is off by {format_error(own.median)} of itself is caught on half of the "
        f"ordinary networks, and by {format_error(own.most)} on 99 %; {BESIDE} needs {format_error(usual.median)} and "
        f"{format_error(usual.most)}{finer}."
    )


def _say_leaks(leaks: list[LeakOutcome]) -> str:
    """On how many networks a leak shows, at the least likely place, beside the usual."""
    parts = []
    for dtype in DTYPES:
        of_dtype = [leak for leak in leaks if leak.dtype == dtype]
        own, usual = (
            [100 * (leak.shown[method] or 0) / leak.networks for leak in of_dtype] for method in (DERIVED, BESIDE)
        )
        parts.append(
            f"{dtype} on {min(own):.0f} to {max(own):.0f} % of ordinary networks ({BESIDE}: {min(usual):.0f} to "
            f"{max(usual):.0f} %)"
        )
    return f"A step computed in half as many bits is seen in {' and in '.join(parts)}."


def _say_alarms(alarms: list[AlarmOutcome], blamed: int) -> str:
    """How often what is right is called wrong."""
    ways = len({alarm.way for alarm in alarms})
    networks = {
        dtype: sum(alarm.networks for alarm in alarms if alarm.dtype == dtype)
        for dtype in dict.fromkeys(alarm.dtype for alarm in alarms)
    }
    judged = " and ".join(f"{count:,} in {dtype}" for dtype, count in sorted(networks.items(), reverse=True))
    usual = []
    for tolerance in USUAL:
        rates = [
            f"{100 * share:.2g} % ({dtype})"
            for dtype in sorted(networks, reverse=True)
            if dtype in tolerance.pairs and (share := alarm_rate(alarms, dtype, tolerance.name)) is not None
        ]
        usual.append(f"{tolerance.name} on {', '.join(rates)}")
    return (
        f"Written in {ways} right ways, on {judged} networks, backpropagation was called wrong {blamed} times. "
        f"It would be called wrong by {'; by '.join(usual)}."
    )


def alarm_rate(alarms: list[AlarmOutcome], dtype: str, method: str) -> float | None:
    """The share of networks in a dtype on which a usual tolerance rejects what is right."""
    judged = [alarm for alarm in alarms if alarm.dtype == dtype and method in alarm.usually]
    tried = sum(alarm.tried for alarm in judged)
    return sum(alarm.usually[method] or 0 for alarm in judged) / tried if tried else None


class FloorRow(NamedTuple):
    """The floors of one profile in one dtype, for all methods in order; None where a method refuses the dtype."""

    profile: str
    dtype: str
    floors: list[FloorOutcome | None]


def floor_rows(floors: list[FloorOutcome]) -> list[FloorRow]:
    """The floors in rows."""
    found = {(floor.profile, floor.dtype, floor.method): floor for floor in floors}
    places = dict.fromkeys((floor.profile, floor.dtype) for floor in floors)
    return [FloorRow(*place, [found.get((*place, method)) for method in METHODS]) for place in places]


class AlarmTotal(NamedTuple):
    """Right implementations on the networks of one profile, or all, in one dtype.

    usually: for each tolerance the share of networks on which it calls them wrong; None where it refuses the dtype.
    """

    profile: str
    dtype: str
    networks: int
    alarms: int
    usually: dict[str, float | None]


def alarm_totals(alarms: list[AlarmOutcome]) -> list[AlarmTotal]:
    """The alarms by profile and dtype, and of all profiles together."""
    totals = []
    for dtype in sorted({alarm.dtype for alarm in alarms}, reverse=True):
        for profile in (*DRAWN, "all"):
            of_it = [alarm for alarm in alarms if alarm.dtype == dtype and profile in (alarm.profile, "all")]
            if of_it:
                networks, wrong = sum(alarm.networks for alarm in of_it), sum(alarm.alarms for alarm in of_it)
                rates = {tolerance.name: alarm_rate(of_it, dtype, tolerance.name) for tolerance in USUAL}
                totals.append(AlarmTotal(profile, dtype, networks, wrong, rates))
    return totals


def format_floor(floor: FloorOutcome | None) -> str:
    """The errors sure to be seen on half of the networks and on 99 %."""
    return "refused" if floor is None else f"{format_error(floor.median)}, {format_error(floor.most)}"


def format_error(value: float | None) -> str:
    """A relative error to two digits, or that no error is sure to be seen."""
    return "∞" if value is None else f"{value:.1e}"
