"""What to allow when two implementations of one network are compared, and what the usual tolerances let through.

Networks of the architecture are drawn, and computed by each framework. For the first of them bounds are derived. A pair
of rtol and atol is made of them that allows every entry what two frameworks are allowed together, and as little else as
such a pair can: it is proven for those networks, whatever the order of sums, and so it is wide. Another is made of what
half of the draws show, twice the largest differences: it is narrow, and no more than an observation. How often each of
them, and of the usual defaults, calls an honest result wrong is counted on the other half.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import numpy as np
import threadpoolctl
from msgspec import Meta

from backproof.oracles.bounds import bounds
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.certified import enclose
from backproof.oracles.draw import Architecture
from backproof.reference_impl.contract import Array
from backproof.studies.frameworks.backends import DTYPES, Backend, load_backend, load_backends
from backproof.studies.frameworks.tally import Tally
from backproof.studies.usual import ALLCLOSE, ASSERT_ALLCLOSE, ASSERT_CLOSE
from backproof.verification.campaign import CouldNotRunError, Progress

FRAMEWORKS = ("numpy", "torch-eager", "jax-jit")

# Networks whose bounds are derived, and that are computed together.
BOUNDED, PART = 8, 8

ALL = slice(None)

# The smallest float64 is 2^-1074: errors and sizes have no unit of their own.
SMALLEST_EXPONENT = -1074

# How many times the largest difference that was seen is allowed by what is advised.
SEEN_TIMES = 2

# What stands beside the advice, by the name that it is called under.
BESIDE = {"assert_close": ASSERT_CLOSE, "assert_allclose": ASSERT_ALLCLOSE, "allclose": ALLCLOSE}


@dataclass(frozen=True)
class Question:
    """What is asked about: an architecture, in a dtype.

    draws: how many networks are drawn, with this seed. Raises ValueError for anything unknown or out of range.
    """

    architecture: Architecture
    dtype: str = "float32"
    draws: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}; there are {', '.join(DTYPES)}")
        if self.draws < 2:
            raise ValueError(f"two networks have to be drawn at least; {self.draws} were asked for")
        self.draw(0)

    def draw(self, index: int) -> Case:
        """A network, with its numbers rounded to the dtype."""
        return self.architecture.draw(self.seed, index).rounded(self.dtype)


class Spread(msgspec.Struct, frozen=True):
    """How errors are distributed over all entries of all draws, relative to the root mean square of the array."""

    median: float
    p999: Annotated[float, Meta(description="99.9 %")]
    worst: float


class Tolerance(msgspec.Struct, frozen=True):
    """A pair to compare by: |a - b| <= atol + rtol |b|, and what it does on the networks drawn."""

    name: str
    rtol: float
    atol: float
    false_alarms: Annotated[float, Meta(description="The share of comparisons of two honest results that it fails")]
    lets_through: Annotated[
        float,
        Meta(description="What an entry may be wrong by unnoticed, on half of them, relative to the root mean square"),
    ]


class QuantityAdvice(msgspec.Struct, frozen=True):
    """What to allow for one quantity."""

    quantity: str
    rms: Annotated[float, Meta(description="Root mean square of the entries, over the draws")]
    allowed: Annotated[float, Meta(description="The largest derived allowance of one framework, absolute")]
    allowed_relative: Annotated[
        float, Meta(description="The norm of the allowances of an array over its norm, the median of the draws")
    ]
    observed: Annotated[dict[str, Spread], Meta(description="By framework")]
    tolerances: Annotated[list[Tolerance], Meta(description="What is advised and what is proven, then the usual ones")]
    unbounded: Annotated[int, Meta(ge=0, description="Entries with no finite allowance, of the networks bounded")]


class Advice(msgspec.Struct, frozen=True):
    """The adviser's answer."""

    architecture: str
    dtype: str
    draws: int
    bounded: Annotated[int, Meta(description="For how many of them bounds were derived")]
    undecided: Annotated[int, Meta(description="ReLU neurons of those so near 0 that rounding may decide their side")]
    frameworks: list[str]
    missing: Annotated[dict[str, str], Meta(description="What could not be run, and why")]
    comparisons: Annotated[int, Meta(description="Of two honest results for one quantity, to count false alarms in")]
    quantities: list[QuantityAdvice]


class _Fit:
    """The pair of rtol and atol that allows each entry what it has to be allowed, and lets the least through.

    For a given rtol the least atol is the largest of what has to be allowed beyond it. So many are tried; entries come
    array by array, and are not kept.
    """

    CANDIDATES = np.concatenate(([0.0], 10.0 ** np.arange(-17, -0.1, 0.2)))

    def __init__(self) -> None:
        self._beyond = np.zeros(len(self.CANDIDATES))
        self._sum, self._entries = 0.0, 0

    def add(self, needed: Array, expected: Array) -> None:
        """Allow for what these entries need, where that is finite, at these expected values."""
        finite = np.isfinite(needed)
        needed, expected = needed[finite], np.abs(expected[finite])
        self._sum, self._entries = self._sum + float(expected.sum()), self._entries + expected.size
        for number, rtol in enumerate(self.CANDIDATES):
            self._beyond[number] = max(self._beyond[number], (needed - rtol * expected).max(initial=0.0))

    def pair(self) -> tuple[float, float]:
        """rtol and atol, both rounded up to two digits."""
        through = self._beyond + self.CANDIDATES * (self._sum / max(self._entries, 1))
        best = int(np.argmin(through))
        return _up(float(self.CANDIDATES[best])), _up(float(self._beyond[best]))


@dataclass
class _Samples:
    """What is collected about one quantity, array by array; none of the arrays is kept.

    squares, entries: the sum of squares of all entries, and their number. largest: the largest allowance of one
    framework. relative: the norm of an array's allowances over its norm, for each array. sizes: of the entries'
    absolute values; errors: by framework. seen, proven: the pairs that allow for the differences in every other draw,
    and for the bounds of two frameworks together.
    """

    squares: float = 0.0
    entries: int = 0
    largest: float = 0.0
    unbounded: int = 0
    relative: list[float] = field(default_factory=list)
    sizes: Tally = field(default_factory=lambda: Tally(1, SMALLEST_EXPONENT))
    errors: dict[str, Tally] = field(default_factory=dict)
    seen: _Fit = field(default_factory=_Fit)
    proven: _Fit = field(default_factory=_Fit)

    @property
    def rms(self) -> float:
        """The root mean square of the entries."""
        return math.sqrt(self.squares / self.entries)

    def observe(self, exact: Array, rest: Array, got: dict[str, Array], *, fit: bool) -> None:
        """What an array is, exact + rest, and what each framework gave; fit: allow for how far they are apart."""
        self.squares, self.entries = self.squares + float((exact**2).sum()), self.entries + exact.size
        self.sizes.add(np.zeros(exact.size, int), np.abs(exact))
        for name, values in got.items():
            errors = self.errors.setdefault(name, Tally(1, SMALLEST_EXPONENT))
            errors.add(np.zeros(exact.size, int), np.abs((values - exact) - rest))
        if fit:
            apart = np.max([np.abs(a - b) for a, b in itertools.combinations(got.values(), 2)], axis=0)
            self.seen.add(SEEN_TIMES * apart, exact)

    def bound(self, exact: Array, allowances: list[Array]) -> None:
        """What each framework is allowed in an array."""
        *_, second, first = np.sort(allowances, axis=0)
        bounded = np.isfinite(first)
        self.unbounded += int((~bounded).sum())
        self.largest = max(self.largest, float(first[bounded].max(initial=0.0)))
        self.relative.append(float(np.linalg.norm(first[bounded]) / (np.linalg.norm(exact[bounded]) or math.inf)))
        self.proven.add(first + second, exact)


def advise(question: Question, progress: Progress | None = None) -> Advice:
    """Derive, observe, and advise.

    Raises CouldNotRunError where fewer than two frameworks can compute in the dtype.
    """
    progress = progress or Progress()
    progress.stage("loading the frameworks")
    backends, missing = load_backends(FRAMEWORKS, [question.dtype])
    if len(backends) < 2:
        reasons = "; ".join(f"{one.backend}: {one.why}" for one in missing)
        raise CouldNotRunError(f"there are not two frameworks to compare; {reasons}")
    adviser = _Adviser(question, backends, progress)
    with threadpoolctl.threadpool_limits(limits=1):
        quantities = adviser.advice()
    case = question.draw(0)
    return Advice(
        architecture=f"{case.architecture}, {case.loss}, batch {case.n}",
        dtype=question.dtype,
        draws=question.draws,
        bounded=min(BOUNDED, question.draws),
        undecided=adviser.undecided,
        frameworks=[backend.name for backend in backends],
        missing={one.backend: one.why for one in missing},
        comparisons=adviser.comparisons,
        quantities=quantities,
    )


class _Adviser:
    """Goes through the draws twice: to collect what tolerances are made of, and to see what they do."""

    def __init__(self, question: Question, backends: list[Backend], progress: Progress) -> None:
        self.question, self.backends, self.progress = question, backends, progress
        self.undecided = 0
        self.samples = {
            quantity: _Samples()
            for quantity in question.draw(0).quantities
            if quantity.kind in ("output", "loss", "dW", "db") and quantity.layer != 0
        }

    @property
    def comparisons(self) -> int:
        """Of two results, in either order, on every second draw."""
        return self.question.draws // 2 * len(self.backends) * (len(self.backends) - 1)

    def advice(self) -> list[QuantityAdvice]:
        """The advice for each quantity."""
        draws = self.question.draws
        self.progress.expects(draws + draws // 2)
        self.progress.stage(f"drawing, computing and bounding networks in {self.question.dtype}")
        for number, case, answers in self._computed(range(draws)):
            self._collect(number, case, answers)
        tolerances = {quantity: self._tolerances(found) for quantity, found in self.samples.items()}
        alarms = {quantity: dict.fromkeys(pairs, 0) for quantity, pairs in tolerances.items()}
        self.progress.stage("counting false alarms")
        for _, _, answers in self._computed(range(1, draws, 2)):
            for quantity, pairs in tolerances.items():
                for name, pair in pairs.items():
                    alarms[quantity][name] += _alarms([answer[quantity] for answer in answers.values()], *pair)
        return [
            _advice(
                quantity,
                found,
                tolerances[quantity],
                {name: count / self.comparisons for name, count in alarms[quantity].items()},
            )
            for quantity, found in self.samples.items()
        ]

    def _computed(self, numbers: Sequence[int]) -> Iterator[tuple[int, Case, dict[str, Answer]]]:
        """Draws by their numbers, with every framework's answer."""
        for start in range(0, len(numbers), PART):
            part = numbers[start : start + PART]
            cases = [self.question.draw(number) for number in part]
            answers = [backend.answers(cases) for backend in self.backends]
            for number, case, *got in zip(part, cases, *answers, strict=True):
                yield number, case, dict(zip((backend.name for backend in self.backends), got, strict=True))
                self.progress.judged()

    def _collect(self, number: int, case: Case, answers: dict[str, Answer]) -> None:
        exact, rest = _exact(case, self.question.dtype)
        for quantity, found in self.samples.items():
            got = {name: np.ravel(answer[quantity]) for name, answer in answers.items()}
            found.observe(np.ravel(exact[quantity]), np.ravel(rest[quantity]), got, fit=number % 2 == 0)
        if number < BOUNDED:
            arithmetics = [backend.arithmetic for backend in self.backends]
            (bound,) = bounds([case], arithmetics)
            self.undecided += max(bound.undecided)
            for quantity, found in self.samples.items():
                found.bound(np.ravel(exact[quantity]), [np.ravel(one[quantity]) for one in bound.allowances])

    def _tolerances(self, found: _Samples) -> dict[str, tuple[float, float]]:
        usual = {name: tolerance.pairs[self.question.dtype] for name, tolerance in BESIDE.items()}
        return {"advised": found.seen.pair(), "proven": found.proven.pair(), **usual}


def _exact(case: Case, dtype: str) -> tuple[Answer, Answer]:
    """What errors are counted from, and what is left of that beyond float64.

    The certified values; for dtypes coarser than float64, PyTorch's in float64.
    """
    if dtype == "float64":
        enclosure = enclose(case)
        return enclosure.high, enclosure.low
    (answer,) = load_backend("torch-eager", "float64").answers([case])
    return answer, {quantity: np.zeros_like(values) for quantity, values in answer.items()}


def _alarms(answers: list[Array], rtol: float, atol: float) -> int:
    """In how many of all comparisons of two results, in either order, a tolerance calls one of them wrong."""
    return sum(
        not bool((np.abs(a - b) <= atol + rtol * np.abs(b)).all()) for a, b in itertools.permutations(answers, 2)
    )


def _advice(
    quantity: Quantity, found: _Samples, tolerances: dict[str, tuple[float, float]], alarms: dict[str, float]
) -> QuantityAdvice:
    rms, size = found.rms or math.inf, found.sizes.quantile(ALL, 0.5)
    return QuantityAdvice(
        quantity=str(quantity),
        rms=found.rms,
        allowed=found.largest,
        allowed_relative=float(np.median(found.relative)),
        observed={
            name: Spread(errors.quantile(ALL, 0.5) / rms, errors.quantile(ALL, 0.999) / rms, errors.most(ALL) / rms)
            for name, errors in found.errors.items()
        },
        tolerances=[
            Tolerance(name, rtol, atol, false_alarms=alarms[name], lets_through=(atol + rtol * size) / rms)
            for name, (rtol, atol) in tolerances.items()
        ],
        unbounded=found.unbounded,
    )


def _up(value: float) -> float:
    """Two digits, and no less than the value."""
    rounded = float(f"{value:.1e}")
    return rounded if rounded >= value else float(f"{value * 1.05:.1e}")
