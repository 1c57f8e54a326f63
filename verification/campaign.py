"""A campaign: everything that determines what is verified, and the oracles that it asks."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from backproof.oracles.beside import begin
from backproof.oracles.case import DTYPES, Case
from backproof.oracles.case_files import read_case
from backproof.oracles.draw import PROFILES, Architecture, draw_case
from backproof.oracles.registry import ORACLES, Oracle, load_oracle
from backproof.verification.settings import check_names, check_numbers
from backproof.verification.wording import not_installed

# Networks that are judged together, and kept together: enough for the oracles to work on many of a shape at a time.
LARGEST_PART, SMALLEST_PART = 8192, 256

# Of so few networks the oracles work in processes of their own: to hand more over takes longer than it saves.
FEW = 2000

Grade = Literal["strict", "lenient"]

DEFAULT_IMPLEMENTATION = "backproof.reference_impl"
DEFAULT_ORACLES = ("torch", "jax")


class Campaign(msgspec.Struct, frozen=True):
    """Everything that determines what is verified.

    networks: how many are drawn, with this seed and profile; each is judged in every dtype and against every oracle.
    architecture: in place of a profile, what all of them are like. case: in place of drawn ones, the one in the file of
    that path; digest: of that file.
    grade: "strict" asks of elementary functions what libraries achieve, "lenient" that they are accurate absolutely.
    attribute: hold everybody against the certified values on every network, not only where they disagree.
    strict: a difference that is no mistake, such as an epsilon in a logarithm, is a disagreement too. known: those
    of an earlier report, by what declares them, which are none; None where there is no such report.

    Raises ValueError for anything unknown, missing or negative.
    """

    networks: int = 1000
    seed: int = 0
    profile: str = "all"
    dtypes: tuple[str, ...] = DTYPES
    oracles: tuple[str, ...] = DEFAULT_ORACLES
    grade: Grade = "strict"
    attribute: bool = False
    strict: bool = False
    architecture: Architecture | None = None
    case: str = ""
    digest: str = ""
    known: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        check_numbers(self.seed, network=self.networks)
        check_names("profile", (self.profile,), PROFILES)
        check_names("dtype", self.dtypes, DTYPES)
        check_names("oracle", self.oracles, ORACLES)
        check_names("grade", (self.grade,), get_args(Grade))

    @property
    def small(self) -> bool:
        """Whether it is worth loading the oracles side by side."""
        return self.networks <= FEW

    @property
    def parts(self) -> list[range]:
        """The numbers of the networks in parts that are judged and kept together; of many a multiple of four."""
        size = max(SMALLEST_PART, math.ceil(self.networks / 8))
        if size > LARGEST_PART:
            number = 4 * math.ceil(self.networks / (4 * LARGEST_PART))
            ends = [self.networks * i // number for i in range(number + 1)]
            return [range(start, end) for start, end in itertools.pairwise(ends)]
        return [range(start, min(start + size, self.networks)) for start in range(0, self.networks, size)]

    @property
    def own(self) -> str:
        """What the user's own networks are, in words; empty where a profile draws them."""
        if self.architecture is None:
            return self.case
        return self.architecture.words

    def draw(self, numbers: Sequence[int]) -> list[Case]:
        """The networks of those numbers, in float64.

        Raises CouldNotRunError where the case's file cannot be read, or is no longer what it was.
        """
        if self.case:
            return [_read(self.case, self.digest)] * len(numbers)
        if self.architecture is not None:
            return [self.architecture.draw(self.seed, number) for number in numbers]
        return [draw_case(self.seed, number, self.profile) for number in numbers]

    def suited(self, numbers: Sequence[int], suited: Callable[[Case], Case]) -> list[Case]:
        """The networks of those numbers as an implementation is asked about them.

        suited: makes a network one that it is made for. Raises CouldNotRunError as `draw` does, and where it is made
        for none of the architecture.
        """
        if self.case:
            return self.draw(numbers)
        found = [suited(case) for case in self.draw(numbers)]
        if (asked := self.architecture) is not None:
            for case in found:
                if (case.widths, case.activations, case.loss) != (asked.widths, asked.activations, asked.loss):
                    layers, activations = ",".join(map(str, case.widths)), ",".join(case.activations)
                    raise CouldNotRunError(
                        f"it is made for other networks than {asked.words}, as its CONVENTION says; one of these "
                        f"is --layers {layers} --activations {activations} --loss {case.loss}"
                    )
        return found


class Limits(msgspec.Struct, frozen=True):
    """How many seconds a call of a function may take, and all of the verification; it need not end by any time.

    Raises ValueError where one is not positive.
    """

    call: float = 60.0
    whole: float = math.inf

    def __post_init__(self) -> None:
        if not (self.call > 0 and self.whole > 0):
            raise ValueError(f"a limit of time is positive; got {min(self.call, self.whole):g} s")


@functools.lru_cache(maxsize=1)
def _read(path: str, digest: str) -> Case:
    """The case in a file, by the name of its path."""
    try:
        case = read_case(path)
        if _digest(path) != digest:
            raise CouldNotRunError(f"{path} has changed since the run was begun; verify it anew")
        return replace(case, name=path)
    except ValueError as error:
        raise CouldNotRunError(str(error)) from error


def digest_of_case(path: str) -> str:
    """A digest of the file of a case; raises ValueError where it cannot be read, or holds none."""
    read_case(path)
    return _digest(path)


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


class CouldNotRunError(Exception):
    """A verification could not be carried out, or not to its end; the message says why in a sentence.

    report: the `reports.report.Report` on what was verified until then, where there is one.
    """

    report: Any = None


class Progress:
    """What a campaign tells about itself while it runs; this one tells nobody."""

    def stage(self, text: str) -> None:
        """What is being done now."""

    def expects(self, networks: int) -> None:
        """So many networks will be judged, each counted once for every dtype."""

    def judged(self, networks: int = 1) -> None:
        """So many more networks have been judged, each in one dtype."""

    def note(self, text: str) -> None:
        """Something happened that a user should know about."""


def why_stopped(error: BaseException) -> str:
    """What kept something from its end, in a phrase."""
    if isinstance(error, KeyboardInterrupt):
        return f"it was interrupted{f' while {error}' if str(error) else ''}"
    return str(error) if isinstance(error, CouldNotRunError) else f"{type(error).__name__}: {error}"


def load_oracles(names: Sequence[str], progress: Progress | None = None, *, side_by_side: bool = False) -> list[Oracle]:
    """The oracles of those names.

    side_by_side: those that take long to load, and are not loaded yet, each in a process of its own. Raises
    CouldNotRunError where one is not installed, or cannot work on this machine.
    """
    oracles, beside = list[Oracle](), begin(names) if side_by_side else {}
    for name in names:
        (progress or Progress()).stage(f"loading {name}")
        try:
            oracle = beside[name] if name in beside else load_oracle(name)
            assert oracle.arithmetic  # which a process tells once it has loaded
            oracles.append(oracle)
        except ModuleNotFoundError as error:
            raise CouldNotRunError(f"the oracle {name} {not_installed(error)}") from error
        except RuntimeError as error:
            raise CouldNotRunError(f"the oracle {name} cannot work here: {error}") from error
    return oracles
