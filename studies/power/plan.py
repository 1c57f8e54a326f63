"""What the laboratory is to do."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.oracles.registry import ORACLES
from backproof.verification.settings import check_names, check_numbers

PARTS = ("catalogue", "mutants", "floors", "leaks", "false-alarms")


@dataclass(frozen=True)
class Plan:
    """Which parts are run, and on how much.

    parts: of `PARTS`. networks: on how many networks floors and leaks are measured; alarm_networks: on how many, drawn
    with the seed, right implementations are judged, by so many workers. oracle: what says what is right.

    Raises ValueError for anything unknown, missing or negative.
    """

    parts: tuple[str, ...] = PARTS
    networks: int = 200
    alarm_networks: int = 20_000
    seed: int = 0
    oracle: str = "torch"
    workers: int = 1

    def __post_init__(self) -> None:
        check_names("part", self.parts, PARTS)
        check_names("oracle", (self.oracle,), ORACLES)
        check_numbers(self.seed, network=self.networks, network_for_alarms=self.alarm_networks, worker=self.workers)
