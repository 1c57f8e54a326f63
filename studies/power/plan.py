"""What the laboratory is to do."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.oracles.registry import ORACLES

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
        if not self.parts:
            raise ValueError(f"at least one part is needed; there are {', '.join(PARTS)}")
        if unknown := [part for part in self.parts if part not in PARTS]:
            raise ValueError(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
        if self.oracle not in ORACLES:
            raise ValueError(f"unknown oracle {self.oracle!r}; there are {', '.join(ORACLES)}")
        for what, number in (
            ("networks", self.networks),
            ("alarm networks", self.alarm_networks),
            ("workers", self.workers),
        ):
            if number < 1:
                raise ValueError(f"there must be at least one of the {what}; {number} were asked for")
        if self.seed < 0:
            raise ValueError(f"a seed is not negative; {self.seed} was given")
