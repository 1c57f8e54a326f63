"""What determines a matrix."""

from __future__ import annotations

from dataclasses import dataclass

from backproof.oracles.case import Case
from backproof.oracles.draw import PROFILES, draw_case
from backproof.studies.frameworks.backends import DTYPES, KINDS, Backend

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
        if self.networks < 1 or self.slow_networks < 0:
            raise ValueError(
                f"at least one network is needed, and none or more for slow backends; {self.networks} and "
                f"{self.slow_networks} were asked for"
            )
        if self.seed < 0:
            raise ValueError(f"a seed is not negative; {self.seed} was given")
        for what, chosen, known in (
            ("profile", (self.profile,), PROFILES),
            ("dtype", self.dtypes, DTYPES),
            ("framework", self.frameworks, FRAMEWORKS),
        ):
            if not chosen or len(set(chosen)) < len(chosen):
                raise ValueError(f"at least one {what} is needed, and each at most once; got {list(chosen)}")
            if unknown := [name for name in chosen if name not in known]:
                raise ValueError(f"unknown {what} {unknown[0]!r}; there are {', '.join(known)}")

    def drawn(self, start: int) -> list[Case]:
        """The networks of the part that starts with that number."""
        return [draw_case(self.seed, i, self.profile) for i in range(start, min(start + PART, self.networks))]

    def networks_of(self, backend: Backend) -> int:
        """How many networks a backend is put to."""
        return min(self.networks, self.slow_networks) if KINDS[backend.name].slow else self.networks
