"""The false-alarm campaign: many right ways of writing backpropagation, and how often one is called wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from backproof.mistakes.accepted import ACCEPTED
from backproof.oracles.case import DTYPES
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import DRAWN
from backproof.oracles.registry import load_oracle
from backproof.studies.power.detection import DERIVED
from backproof.studies.power.report import AlarmPlace
from backproof.studies.usual import usually_caught
from backproof.verification.campaign import Progress
from backproof.verification.execution import undisturbed
from backproof.verification.implementation import as_implementation
from backproof.verification.probes import Probe, probe_all
from backproof.verification.watching import be_a_worker, contexts

# Networks that are judged together: many for an oracle to work on, few enough to hold in memory.
PART = 2048

# The usual tolerances are looked at on this many networks only: their rates need no million, and they take their time.
USUAL_NETWORKS = 20_000


class Key(NamedTuple):
    """What alarms are counted by."""

    way: str
    profile: str
    dtype: str


@dataclass
class Alarms:
    """Counts: of networks judged; of those that the usual tolerances were tried on; of alarms, by key and method."""

    networks: Counter[Key] = field(default_factory=Counter)
    tried: Counter[Key] = field(default_factory=Counter)
    alarms: Counter[tuple[Key, str]] = field(default_factory=Counter)
    places: list[AlarmPlace] = field(default_factory=list)

    def add(self, other: Alarms) -> None:
        """Take in the counts of other networks."""
        self.networks += other.networks
        self.tried += other.tried
        self.alarms += other.alarms
        self.places += other.places


def false_alarms(
    networks: int,
    *,
    seed: int = 0,
    oracle: str = "torch",
    dtypes: Sequence[str] = DTYPES,
    workers: int = 1,
    progress: Progress | None = None,
) -> Alarms:
    """Judge right implementations on that many networks of profile `all`, in every dtype.

    Each network is written in one of the ways of `mistakes.accepted`, in turn, so that every way meets every profile.
    The result does not depend on the number of workers.

    Raises ImportError where the oracle is not installed.
    """
    total, progress = Alarms(), progress or Progress()
    progress.expects(networks * len(dtypes))
    for part in _parts(networks, partial(_judge_part, seed=seed, oracle=oracle, dtypes=tuple(dtypes)), workers):
        total.add(part)
        progress.judged(sum(part.networks.values()))
    return total


def _parts(networks: int, judge_part: partial[Alarms], processes: int) -> Iterator[Alarms]:
    """What each part of the networks counts, in order; here, or in as many processes."""
    parts = [range(start, min(start + PART, networks)) for start in range(0, networks, PART)]
    if processes == 1:
        yield from map(judge_part, parts)
        return
    with ProcessPoolExecutor(processes, contexts([judge_part.keywords["oracle"]]), be_a_worker) as pool:
        yield from pool.map(judge_part, parts)


def _judge_part(numbers: range, *, seed: int, oracle: str, dtypes: Sequence[str]) -> Alarms:
    counts, drawn = Alarms(), [draw_case(seed, number) for number in numbers]
    witness = load_oracle(oracle)
    with undisturbed():
        for dtype in dtypes:
            probes = probe_all([case.cast(dtype) for case in drawn], witness)
            for number, probe in zip(numbers, probes, strict=True):
                _judge(counts, number, probe)
    return counts


def _judge(counts: Alarms, number: int, probe: Probe) -> None:
    """Count what one network in one dtype gives.

    Profiles come in turn, and ways after each round of them; with a shift now and then, since profiles have turns of
    their own, by threes and fours, that every way is to meet.
    """
    turn = number // len(DRAWN)
    way = list(ACCEPTED)[(turn + turn // (4 * len(ACCEPTED))) % len(ACCEPTED)]
    key = Key(way, list(DRAWN)[number % len(DRAWN)], probe.case.dtype)
    got = probe.ask(as_implementation(ACCEPTED[way]()))
    counts.networks[key] += 1
    wrong = [record for record in probe.records(got) if record.verdict == "disagrees"]
    if wrong:
        counts.alarms[key, DERIVED] += 1
        counts.places.append(AlarmPlace(way, probe.case.name, probe.case.dtype, wrong[0].explanation("the oracle")))
    if number < USUAL_NETWORKS:
        counts.tried[key] += 1
        for method in usually_caught(got, probe.expected, probe.case.dtype):
            counts.alarms[key, method] += 1
