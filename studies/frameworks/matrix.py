"""The matrix, filled in: many networks computed by every backend and held against certified values and each other.

All numbers of a network are rounded to a dtype first and are exact from then on, so that the truth is about the numbers
that everybody was given.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from backproof.oracles.attribution import SMALLEST
from backproof.oracles.bounds import Arithmetic, bounds
from backproof.oracles.case import FUNCTION_OF_KIND, Answer, Case, Quantity
from backproof.oracles.certified import SMALL, Enclosure, enclose
from backproof.oracles.profiles import DRAWN
from backproof.reference_impl.contract import Array
from backproof.studies.frameworks.backends import Backend
from backproof.studies.frameworks.settings import PART, Settings
from backproof.studies.frameworks.tally import Tally
from backproof.verification.campaign import Progress

QUANTITIES = tuple(FUNCTION_OF_KIND)
TRUTH = "certified"


class Entry(NamedTuple):
    """One entry of one quantity that a backend computed, and how it compares with the certified value there."""

    case: str
    quantity: Quantity
    place: tuple[int, ...]
    got: float
    exact: float
    allowed: float
    ratio: float
    ulps: float


@dataclass
class Cell:
    """One backend against another one in the same dtype, or against the certified values: all that was compared.

    Rows of the tallies and counts: profile by profile, and in each quantity by quantity. networks: by profile. entries:
    checked ones. exact: those of them for which nothing is allowed, and which the ratios leave out. unchecked: where no
    bound is finite or the truth is not known. violations: where rounding cannot explain the difference. worst: for each
    quantity the entry with the largest ratio; only against the certified values.
    """

    backend: Backend
    against: str
    networks: Array = field(default_factory=lambda: np.zeros(len(DRAWN), np.int64))
    entries: Array = field(default_factory=lambda: _zeros())
    exact: Array = field(default_factory=lambda: _zeros())
    unchecked: Array = field(default_factory=lambda: _zeros())
    violations: Array = field(default_factory=lambda: _zeros())
    ratios: Tally = field(default_factory=lambda: Tally(len(DRAWN) * len(QUANTITIES)))
    ulps: Tally = field(default_factory=lambda: Tally(len(DRAWN) * len(QUANTITIES)))
    worst: dict[str, Entry] = field(default_factory=dict)


def _zeros() -> Array:
    return np.zeros(len(DRAWN) * len(QUANTITIES), np.int64)


def rows(quantity: str | None = None, profile: str | None = None) -> Array:
    """The rows of a quantity and a profile; of all of them where none is named."""
    found = np.arange(len(DRAWN) * len(QUANTITIES)).reshape(len(DRAWN), len(QUANTITIES))
    found = found if profile is None else found[[list(DRAWN).index(profile)]]
    return found.ravel() if quantity is None else found[:, QUANTITIES.index(quantity)]


def fill(settings: Settings, backends: Sequence[Backend], progress: Progress) -> Iterator[list[Cell]]:
    """The matrix, empty at first, and after every part of the networks."""
    matrix = [
        Cell(backend, other)
        for i, backend in enumerate(backends)
        for other in (TRUTH, *(later.name for later in backends[i + 1 :] if later.dtype == backend.dtype))
    ]
    yield matrix
    for start in range(0, settings.networks, PART):
        drawn = settings.drawn(start)
        for dtype in settings.dtypes:
            alike = [backend for backend in backends if backend.dtype == dtype]
            cells = [cell for cell in matrix if cell.backend.dtype == dtype]
            if alike:
                _compare(Part(dtype, [case.rounded(dtype) for case in drawn], progress), alike, cells, settings, start)
        yield matrix


def _compare(part: Part, backends: list[Backend], cells: list[Cell], settings: Settings, start: int) -> None:
    """Compute the networks of a part with every backend, and add what comes out to the cells."""
    computed: dict[str, Array] = {}
    part.certify([backend.arithmetic for backend in backends])
    for backend in backends:
        number = max(0, min(len(part.cases), settings.networks_of(backend) - start))
        part.progress.stage(f"{backend.name} computes {number} networks in {part.dtype}")
        computed[backend.name] = part.flat(backend.answers(part.cases[:number]))
    arithmetics = {backend.name: backend.arithmetic for backend in backends}
    for cell in cells:
        part.tally(cell, computed, arithmetics)


class Part:
    """Some networks in one dtype, with all entries of all of their quantities in a row.

    Whatever is worked out for fewer networks is worked out for the first ones, and so is a shorter row.
    """

    def __init__(self, dtype: str, cases: list[Case], progress: Progress) -> None:
        self.dtype, self.cases, self.progress = dtype, cases, progress
        self._places: list[tuple[int, Quantity]] = [(i, q) for i, case in enumerate(cases) for q in case.quantities]

    def certify(self, arithmetics: Sequence[Arithmetic]) -> None:
        """Enclose the exact values, narrowly enough for the bounds of all the arithmetics, which are worked out too."""
        different = list(dict.fromkeys(arithmetics))
        self.progress.stage(f"bounding and certifying {len(self.cases)} networks in {self.dtype}")
        allowances: dict[Arithmetic, list[Answer]] = {arithmetic: [] for arithmetic in different}
        enclosures: list[Enclosure] = []
        for case, found in zip(self.cases, bounds(self.cases, different), strict=True):
            for arithmetic, allowed in zip(different, found.allowances, strict=True):
                allowances[arithmetic].append(allowed)
            least = {q: np.min([allowed[q] for allowed in found.allowances], axis=0) for q in case.quantities}
            enclosures.append(enclose(case, least))
            self.progress.judged()
        self._allowed = {arithmetic: self.flat(answers) for arithmetic, answers in allowances.items()}
        self._high, self._low, self._radius = (
            self.flat([getattr(enclosure, part) for enclosure in enclosures]) for part in ("high", "low", "radius")
        )
        sizes = [enclosures[i].high[q].size for i, q in self._places]
        self._ends = np.cumsum(sizes)
        profiles = [list(DRAWN).index(case.name.split(":")[1]) for case in self.cases]
        self._profiles = np.array(profiles)
        self._rows = np.repeat(
            [profiles[i] * len(QUANTITIES) + QUANTITIES.index(q.kind) for i, q in self._places], sizes
        )
        self._shapes = [enclosures[i].high[q].shape for i, q in self._places]

    def flat(self, answers: Sequence[Answer]) -> Array:
        """All entries of so many answers in a row."""
        arrays = [
            np.ravel(answer[q]) for case, answer in zip(self.cases, answers, strict=False) for q in case.quantities
        ]
        return np.concatenate(arrays) if arrays else np.zeros(0)

    def tally(self, cell: Cell, computed: dict[str, Array], arithmetics: dict[str, Arithmetic]) -> None:
        """Add the differences between two backends, or a backend and the truth, to their cell."""
        got, allowed = computed[cell.backend.name], self._allowed[cell.backend.arithmetic]
        expected = self._high
        if cell.against != TRUTH:
            expected, allowed = computed[cell.against], allowed + self._allowed[arithmetics[cell.against]]
        end = min(got.size, expected.size)
        got, expected, allowed, high, row = (a[:end] for a in (got, expected, allowed, self._high, self._rows))
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs(got - expected)
            if cell.against == TRUTH:
                error = self._certain_error(got)
        known = np.isfinite(allowed) & self._known(end, allowed)
        ratio, ulps = _ratio(error, allowed), error / _ulp(high, cell.backend.arithmetic)
        exact = known & (allowed == 0)
        normal = known & (np.abs(high) >= cell.backend.arithmetic.smallest_normal)
        size = len(cell.entries)
        cell.entries += np.bincount(row[known], minlength=size)
        cell.exact += np.bincount(row[exact], minlength=size)
        cell.unchecked += np.bincount(row[~known], minlength=size)
        cell.violations += np.bincount(row[known & ~(ratio <= 1)], minlength=size)
        cell.ratios.add(row[known & ~exact], ratio[known & ~exact])
        cell.ulps.add(row[normal], ulps[normal])
        cell.networks += self._networks(end)
        if cell.against == TRUTH:
            self._keep_worst(cell, got, allowed, np.where(known, ratio, -1.0), ulps)

    def _certain_error(self, got: Array) -> Array:
        """How far from the exact values the values certainly are: what Arb's radius leaves open is not counted."""
        end = got.size
        error = np.abs((got - self._high[:end]) - self._low[:end])
        return np.where(np.isnan(error), np.inf, np.maximum(error * (1 - 2.0**-51) - self._radius[:end], 0.0))

    def _known(self, end: int, allowed: Array) -> Array:
        """Where the truth is enclosed narrowly enough."""
        return self._radius[:end] <= np.maximum(SMALL * allowed, SMALLEST)

    def _networks(self, end: int) -> Array:
        """How many networks the first entries are of, by profile."""
        whole = len({i for (i, _), last in zip(self._places, self._ends, strict=True) if last <= end})
        return np.bincount(self._profiles[:whole], minlength=len(DRAWN))

    def _keep_worst(self, cell: Cell, got: Array, allowed: Array, ratio: Array, ulps: Array) -> None:
        for number, quantity in enumerate(QUANTITIES):
            among = np.flatnonzero(self._rows[: got.size] % len(QUANTITIES) == number)
            if not among.size:
                continue
            entry = among[np.argmax(ratio[among])]
            if ratio[entry] < 0 or (quantity in cell.worst and ratio[entry] <= cell.worst[quantity].ratio):
                continue
            place = int(np.searchsorted(self._ends, entry, side="right"))
            i, named = self._places[place]
            start = self._ends[place] - np.prod(self._shapes[place], dtype=int)
            cell.worst[quantity] = Entry(
                self.cases[i].name,
                named,
                tuple(int(j) for j in np.unravel_index(entry - start, self._shapes[place])),
                *(float(array[entry]) for array in (got, self._high, allowed, ratio, ulps)),
            )


def _ratio(error: Array, allowed: Array) -> Array:
    """error / allowed; 0 where there is no error, though nothing is allowed."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(error == 0, 0.0, np.where(np.isnan(error), np.inf, error / allowed))


def _ulp(exact: Array, arithmetic: Arithmetic) -> Array:
    """The distance between neighbouring numbers of the dtype at the exact value, where that is normal."""
    _, exponent = np.frexp(np.maximum(np.abs(exact), arithmetic.smallest_normal))
    return np.ldexp(arithmetic.unit_roundoff, exponent)
