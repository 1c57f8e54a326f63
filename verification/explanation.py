"""One explanation of wrong answers: a difference, which is no mistake, or a mistake, or several; and whether it fits.

A difference or a mistake is a `Textbook` with other steps. It explains the answers of a function where these are within
its own bound on every network on which they are not the contract's; networks on which they are may refute it.
Differences have derived bounds (`oracles.bounds.running`); mistakes, which change no verdict, have a plain tolerance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from backproof.mistakes.branches import Branch
from backproof.mistakes.catalogue import FORMS, MISTAKES, name_of
from backproof.mistakes.differences import (
    CAP,
    DIFFERENCES,
    AbsoluteAccuracy,
    Difference,
    MoreRoundings,
    Overflow,
    SinglePrecision,
)
from backproof.mistakes.ignored import IGNORED, Ignored
from backproof.mistakes.textbook import Textbook, changed_steps, said, together
from backproof.oracles.bounds.running import Running, unit
from backproof.oracles.case import KINDS, Case, Quantity
from backproof.oracles.comparison import Problem, compare
from backproof.reference_impl.contract import Array
from backproof.verification.answered import Answered, may_be_single
from backproof.verification.approximate import added_error
from backproof.verification.implementation import arguments_of, copied

# A mistake's own rounding, in units of roundoff, relative to an array's largest entry; and in the least numbers.
SAME = 1024

# How the parts of an explanation, and explanations that do as well, are written in a record.
AND, OR, IN = " + ", " | ", "@"

# What ends a record's names where the network was set aside.
APART = " ~"

# Within this, of the largest, entries are those of another array but for a factor; single precision's are.
ALIKE = 1e-4

# On how many networks a factor that was made to fit one of them has to be right, and a mistake that only raises.
ENOUGH = 3

Fit = Literal["yes", "no", "open", "raises", "apart"]

# What mistakes raise where they find no answer.
_NOTHING = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)

# These change no step: they say what else is allowed. Of the first, what is expected is the contract's.
_AS_IT_IS = (AbsoluteAccuracy, Overflow, MoreRoundings)
MODIFIERS = (*_AS_IT_IS, SinglePrecision)


@dataclass(frozen=True)
class Part:
    """A difference or a mistake, with its number where it has one, and the branch where it is in one alone.

    strength: the number; or what a program always does that takes no notice of what it is asked for.
    """

    kind: type[Textbook]
    strength: float | str | None = None
    branch: Branch | None = None

    @property
    def name(self) -> str:
        """As it is written in a record."""
        strength = "" if self.strength is None else f"({self.strength!r})"
        return self.kind.__name__ + strength + ("" if self.branch is None else IN + self.branch.name)

    def made(self) -> Textbook:
        """A `Textbook` like that."""
        made = self.kind() if self.strength is None else self.kind(self.strength)  # type: ignore[call-arg]
        return made if self.branch is None else self.branch.limited(made)

    def concerns(self, case: Case) -> bool:
        """Whether a program goes through its branch for that network."""
        return self.branch is None or self.branch.has(case)

    def says(self) -> str:
        """What it is, with its number, and its branch where it is in one alone.

        Of a difference what the program does, after its name; of a mistake sentences.
        """
        made = self.made()
        if isinstance(made, Difference):
            return made.says() if self.branch is None else f"{made.says()}, {self.branch.says()} alone"
        if isinstance(made, Ignored):
            return made.says()
        what = said(self.kind)
        if self.strength is not None:
            what = f"{what.removesuffix('.')} ({self.strength:.4g})."
        return what if self.branch is None else f"{what} It does that {self.branch.says()} alone."

    @property
    def is_difference(self) -> bool:
        """Whether it is no mistake."""
        return issubclass(self.kind, Difference)


def is_harmless(parts: Iterable[Part]) -> bool:
    """Whether none of them is a mistake."""
    return all(part.is_difference for part in parts)


def say_elsewhere(networks: int) -> str:
    """That on so many networks shapes do not fit, about which a mistake says nothing."""
    on = "1 network more" if networks == 1 else f"{networks} networks more"
    return f"On {on} there is an error in place of an answer, or another shape, as may be where shapes do not fit."


@dataclass(frozen=True)
class Explanation:
    """Parts that are there together.

    apart: whether networks are set aside on which shapes fit neither here nor there, or here or there alone. What comes
    of a mistake then depends on how it is written: an error, arrays of other shapes, or one number used for many.
    """

    parts: tuple[Part, ...]
    apart: bool = False

    def limited(self, part: Part, branch: Branch) -> Explanation:
        """The same, with one of its parts in a branch alone."""
        return self.of(replace(one, branch=branch) if one == part else one for one in self.parts)

    def of(self, parts: Iterable[Part]) -> Explanation:
        """The same with these parts: mistakes first."""
        return replace(self, parts=tuple(sorted(parts, key=lambda one: (one.is_difference, one.name))))

    @property
    def name(self) -> str:
        """As it is written in a record."""
        return AND.join(part.name for part in self.parts)

    def with_part(self, part: Part) -> Explanation | None:
        """The same with one part more.

        None where two are forms of one mistake, or change the same step; but a scale is multiplied by all of them.
        """
        steps = changed_steps(part.kind) - {"scale"}
        for other in self.parts:
            if name_of(part.kind) == name_of(other.kind) or steps & changed_steps(other.kind):
                return None
        return self.of((*self.parts, part))

    def fits(self, answered: Answered) -> Fit:
        """Whether the answers are within its own bounds; open where these say nothing about what is wrong.

        Where the program raised, it fits if that raises too; of what only fails other shapes are as good.
        """
        kinds = {part.kind for part in self._concerning(answered)}
        masked = Overflow in kinds and answered.overflows
        if kinds == {AbsoluteAccuracy} and not answered.leniently:
            return "no"
        if kinds == {Overflow} and not masked:
            return "no"
        answers = self.answers(answered)
        mistaken = not is_harmless(self._concerning(answered))
        no: Fit = "apart" if self.apart and mistaken and answered.failing else "no"
        if any(isinstance(given, Problem) for given in answered.got.values()):
            if not (mistaken and answered.raised):
                return "no"
            return "raises" if answers is None else no
        if answers is None:
            return "raises" if mistaken and self.only_fails and answered.has_other_shapes else no
        if any(np.shape(value) != np.shape(answered.expected[q]) for q, (value, _) in answers.items()):
            if any(np.shape(given) != np.shape(answers[q][0]) for q, given in answered.got.items()):
                return no
        elif mistaken and answered.has_other_shapes:
            return no
        got, expected, allowed = dict[Quantity, Any](), dict[Quantity, Array](), dict[Quantity, Array]()
        for q, given in answered.got.items():
            value, error = answers[q]
            bound = np.asarray(
                (answered.lenient or answered.own)[q] if AbsoluteAccuracy in kinds else answered.own[q], float
            )
            if mistaken:  # whose entries may be other ones' sums, and arrays of any shape
                bound = np.full(np.shape(value), bound[np.isfinite(bound)].max(initial=0.0))
            more = np.isfinite(bound) & ((error > 0) | (kinds <= set(_AS_IT_IS)))  # what is exact stays exact
            limit = error + np.where(more, bound, 0.0) * (CAP if MoreRoundings in kinds else 1)
            limit = limit + added_error(given)
            if SinglePrecision in kinds and isinstance(given, np.ndarray | np.generic) and given.dtype.kind == "f":
                given = given.astype(answered.case.dtype)
            if masked and isinstance(given, np.ndarray | np.generic | float) and np.shape(given) == np.shape(limit):
                limit = np.where(np.isfinite(given), limit, np.inf)
            got[q], expected[q], allowed[q] = given, value, np.asarray(limit, float)
        with np.errstate(all="ignore"):
            records = compare(got, expected, allowed, answered.case.dtype)
        if any(record.verdict == "disagrees" for record in records):
            return "no"
        agrees = any(
            record.verdict == "agrees" or np.array_equal(got[record.quantity], expected[record.quantity])
            for record in records
            if record.quantity in answered.failing
        )
        return "yes" if agrees or masked else "open"

    def explains(self, wrong: Sequence[Answered]) -> bool:
        """Whether it fits all of them, some with numbers, and is open for no more than half of them.

        What only fails need not fit any with numbers, nor need a single mistake that fails on all of them. Where a
        program raises less often than it gives other shapes, those are what comes of its mistake.
        """
        fits = Counter[Fit]()
        other_shapes = 0
        for one in wrong:
            fit = self.fits(one)
            fits[fit] += 1
            other_shapes += fit == "apart" and one.has_other_shapes
            if fits["no"]:
                return False
        if other_shapes > sum(one.raised for one in wrong):
            return False
        if SinglePrecision in {part.kind for part in self.parts} and not may_be_single(wrong):
            return False
        enough = ENOUGH if fits["apart"] else 1
        if fits["yes"] >= enough and fits["open"] <= (len(wrong) - fits["apart"]) / 2:
            return True
        return fits["raises"] == len(wrong) >= ENOUGH and (len(self.parts) == 1 or self.only_fails)

    @property
    def only_fails(self) -> bool:
        """Whether it gives no wrong numbers, but errors or other shapes."""
        return all(part.kind.only_fails for part in self.parts)

    def shows(self, wrong: Sequence[Answered]) -> bool:
        """Whether it changes any of these answers by more than rounding may: it is no harmless mistake."""
        for one in wrong:
            answers = self.answers(one)
            if answers is None:
                return True
            for q, (value, error) in answers.items():
                right = one.expected[q]
                if np.shape(value) != np.shape(right) or np.any(np.abs(value - right) > error + one.own[q]):
                    return True
        return False

    def _concerning(self, answered: Answered) -> list[Part]:
        """The parts that a program goes through for the network."""
        return [part for part in self.parts if part.concerns(answered.case)]

    def is_refuted_by(self, right: Answered) -> bool:
        """Whether answers that are the contract's are none that it could give."""
        steps = [part for part in self._concerning(right) if part.kind not in MODIFIERS]
        if not steps:
            return False
        try:
            with np.errstate(all="ignore"):
                plain = _with_tolerance(together([part.made() for part in steps]), right)
        except _NOTHING:
            return True
        differs = any(
            np.shape(value) != np.shape(right.expected[q])
            or np.any(np.abs(value - right.expected[q]) > right.own[q])
            or not np.isfinite(value).all()
            for q, (value, _) in plain.items()
        )
        return differs and self.fits(right) == "no"

    def is_proportional_to(self, answered: Answered) -> bool:
        """Whether the answers are its own but for one factor, as where a loss has another scale."""
        answers, got = self.answers(answered), answered.numbers
        if answers is None or got is None:
            return False
        values = [answers[q][0] for q in answered.got]
        if any(np.shape(v) != np.shape(given) for v, given in zip(values, answered.got.values(), strict=True)):
            return False
        own = np.concatenate([*map(np.ravel, values)])
        with np.errstate(all="ignore"):
            factor = float(own @ got / (own @ own))
            return bool(np.all(np.abs(got - factor * own) <= ALIKE * np.max(np.abs(got))))

    def count(self, clues: Sequence[Answered]) -> int:
        """How many of the networks it fits, with a yes; none where it fits none of the first ones."""
        yes = 0
        for i, clue in enumerate(clues):
            yes += self.fits(clue) == "yes"
            if i == 2 and not yes:
                break
        return yes

    def answers(self, answered: Answered) -> Mapping[Quantity, tuple[Array, Array]] | None:
        """What the function gives with these parts, and how far honest answers may be from it; None: nothing."""
        kinds = {part.kind for part in self._concerning(answered)}
        steps = [part for part in self._concerning(answered) if part.kind not in MODIFIERS]
        if not steps and SinglePrecision not in kinds:
            return {q: (value, np.zeros(np.shape(value))) for q, value in answered.expected.items()}
        instance = together([part.made() for part in steps] or [Textbook()])
        try:
            with np.errstate(all="ignore"):
                if is_harmless(steps):
                    return _with_derived_bounds(instance, answered, "float32" if SinglePrecision in kinds else None)
                return _with_tolerance(instance, answered)
        except _NOTHING:
            return None


def _with_derived_bounds(
    instance: Textbook, answered: Answered, precision: str | None
) -> dict[Quantity, tuple[Array, Array]]:
    dtype = np.dtype(precision or answered.case.dtype)

    def running(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [running(one) for one in value]
        if not isinstance(value, np.ndarray):
            return value
        return Running.rounded(value, dtype) if precision else Running.exact(value, dtype)

    result = getattr(instance, answered.function)(
        *map(running, arguments_of(answered.function, answered.case, answered.prediction))
    )
    return {
        q: (np.asarray(value.value, np.float64), np.asarray(value.error, np.float64))
        for q, value in _by_quantity(answered, result)
    }


def _with_tolerance(instance: Textbook, answered: Answered) -> dict[Quantity, tuple[Array, Array]]:
    arguments = map(copied, arguments_of(answered.function, answered.case, answered.prediction))
    result = getattr(instance, answered.function)(*arguments)
    u, least = unit(np.dtype(answered.case.dtype)), float(np.finfo(answered.case.dtype).smallest_subnormal)
    found = {}
    for q, value in _by_quantity(answered, result):
        array = np.asarray(value, np.float64)
        largest, right = (float(np.abs(part).max(initial=0.0)) for part in (array, answered.expected[q]))
        own = np.asarray(answered.own[q], float)
        more = max(1.0, largest / right) if right else 1.0
        widest = float(own[np.isfinite(own)].max(initial=0.0))
        # What is 0 but for rounding is as far off as its terms are large.
        size = max(largest, right)
        found[q] = array, np.full(array.shape, SAME * (u * size + least * (size > 0)) + (more - 1) * widest)
    return found


def _by_quantity(answered: Answered, result: Any) -> Iterator[tuple[Quantity, Any]]:
    kinds = KINDS[answered.function]
    parts = (result,) if len(kinds) == 1 else result
    for kind, part in zip(kinds, parts, strict=True):
        wanted = [q for q in answered.case.quantities if q.kind == kind]
        by_layer = part if isinstance(part, list | tuple) else [part]
        yield from ((q, value) for q, value in zip(wanted, by_layer, strict=True) if q in answered.expected)


def parts_of(names: str) -> Iterator[list[Part]]:
    """The alternatives that a record has, as parts."""
    for alternative in names.split(OR):
        yield list(map(_part, alternative.split(AND)))


def _part(name: str) -> Part:
    forms = {form.__name__: form for forms in FORMS.values() for form in forms}
    known: dict[str, type[Textbook]] = {**MISTAKES, **forms, **IGNORED, **DIFFERENCES}
    what, _, branch = name.partition(IN)
    kind, _, written = what.partition("(")
    strength = None if not written else written[1:-2] if kind in IGNORED else float(written[:-1])
    return Part(known[kind], strength, Branch.named(branch) if branch else None)
