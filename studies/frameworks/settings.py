"""What determines a matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backproof.oracles.bounds import TORCH
from backproof.oracles.case import Case
from backproof.oracles.draw import PROFILES, draw_case
from backproof.studies.frameworks.backends import DTYPES, KINDS, Backend
from backproof.verification.settings import check_names, check_numbers

FRAMEWORKS = tuple(KINDS)

# Networks that are computed together.
PART = 128


@dataclass(frozen=True)
class Settings:
    """Everything that determines the matrix.

    networks: how many are drawn; slow_networks: to how many of them, the first ones, backends are put that take seconds
    for every new network.

    Raises ValueError for anything unknown, missing or negative.
    """

    networks: int = 120
    slow_networks: int = 6
    seed: int = 0
    profile: str = "all"
    dtypes: tuple[str, ...] = DTYPES
    frameworks: tuple[str, ...] = FRAMEWORKS

    def __post_init__(self) -> None:
        check_numbers(self.seed, network=self.networks)
        if self.slow_networks < 0:
            raise ValueError(f"slow backends get none or more networks; {self.slow_networks} were asked for")
        check_names("profile", (self.profile,), PROFILES)
        check_names("dtype", self.dtypes, DTYPES)
        check_names("framework", self.frameworks, FRAMEWORKS)

    def drawn(self, start: int) -> list[Case]:
        """The networks of the part that starts with that number, but for those with inputs that a dtype has not."""
        numbers = range(start, min(start + PART, self.networks))
        largest = min(TORCH[dtype].largest for dtype in self.dtypes)
        cases = (draw_case(self.seed, i, self.profile) for i in numbers)
        return [case for case in cases if np.abs(case.x).max() <= largest]

    def networks_of(self, backend: Backend) -> int:
        """How many networks a backend is put to."""
        return min(self.networks, self.slow_networks) if KINDS[backend.name].slow else self.networks
