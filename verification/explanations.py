"""The search for what explains wrong answers: for one part that explains all of them, then for several together.

What explains them is held against the answers that are right. Where it would have changed one, it is in a branch of the
program alone; and where there is no such branch either, a difference is none.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from backproof.mistakes.branches import BRANCHES, Branch, BranchOf, is_by_layer
from backproof.mistakes.catalogue import MISTAKES, variants
from backproof.mistakes.differences import DIFFERENCES, MoreRoundings, SinglePrecision
from backproof.mistakes.ignored import ActivationsIgnored, LossIgnored
from backproof.reference_impl.contract import LOSSES, OUTPUT_ACTIVATIONS, find_loss
from backproof.verification.answered import Answered
from backproof.verification.explanation import APART, ENOUGH, OR, Explanation, Part, is_harmless

# Explanations are looked for on so many networks at first, and consist of so many parts at most.
CLUES, TOGETHER = 24, 3

# These are recognised as differences; or change their arguments, which is told as such.
NO_MISTAKES = (
    "ReluPrimeOfZeroIsOne", "ReluPrimeOfZeroIsHalf", "LogOfZero", "SoftmaxWithoutMaximum", "SoftmaxWithOneMaximum",
    "SigmoidDerivativeOverflows", "HardenedTargets", "Float32InTheMiddle", "StepInPlace", "ChangesInputs",
    "ChangesLabels",
)  # fmt: skip
FACTOR = "ProportionalFactor"

# What is looked for where nothing else explains the answers: it says least.
LAST = (MoreRoundings, SinglePrecision)

# How many explanations of several parts in branches are kept, of those that do as well.
ALTERNATIVES = 64

# With how many parts an explanation of several is begun, those that explain most.
BEGINNINGS = 4


def explained(wrong: Iterable[Answered], right: Callable[[str], Sequence[Answered]]) -> Iterator[tuple[Answered, str]]:
    """For the answers that something explains, what does: alternatives of parts, by their names.

    right: a function's answers that are the contract's.
    """
    by_function: dict[str, list[Answered]] = {}
    for one in wrong:
        by_function.setdefault(one.function, []).append(one)
    for function, ones in by_function.items():
        ones.sort(key=lambda one: one.case.size)
        found = Search(function, ones, functools.partial(right, function)).found()
        names = OR.join(explanation.name for explanation in found)
        if names:
            for one in ones:
                yield one, names + APART * all(explanation.fits(one) == "apart" for explanation in found)


class Search:
    """The search for what explains a function's wrong answers, and does not contradict its right ones."""

    def __init__(
        self,
        function: str,
        wrong: Sequence[Answered],
        right: Callable[[], Sequence[Answered]],
        *,
        least_telling: bool = True,
        apart: bool = False,
    ) -> None:
        """least_telling: look for what says least too, where nothing else explains the answers; apart: as there."""
        self._function, self._wrong, self._made_right, self._least_telling = function, wrong, right, least_telling
        self._apart = apart
        # Numbers say most, and so come first.
        clues = wrong[:: max(1, len(wrong) // CLUES)]
        self._clues = sorted(clues, key=lambda one: one.raised or one.has_other_shapes)

    @functools.cached_property
    def _right(self) -> Sequence[Answered]:
        return self._made_right()

    @functools.cached_property
    def _single(self) -> list[Explanation]:
        """Explanations of one part each: differences first."""
        return [self._explanation((part,)) for part in _parts(self._function, self._clues)]

    def _explanation(self, parts: Iterable[Part]) -> Explanation:
        return Explanation((), self._apart).of(parts)

    def found(self) -> list[Explanation]:
        """The simplest explanations; where there is none, and errors or other shapes are among the answers, without."""
        found = self._found()
        if found or self._apart or not any(one.raised or one.has_other_shapes for one in self._wrong):
            return found
        return Search(self._function, self._wrong, self._made_right, least_telling=False, apart=True)._found()

    def _found(self) -> list[Explanation]:
        """The simplest explanations: one part, or one for each branch, or several parts together."""
        if found := self._alone():
            return found
        last = [one for one in self._single if one.parts[0].kind in LAST]
        candidates = [one for one in self._single if one not in last]
        for of in ("loss", "last"):
            if found := self._by_branch(of):
                return found
        if found := self._by_quantity():
            return found
        if self._least_telling and (found := self._all_that_explain(last)):
            return found
        ignoring = [self._explanation(parts) for parts in _ignoring(self._function)]
        if found := self._taking_no_notice(ignoring):
            return found
        ranked = self._ranked(candidates)
        if found := self._several(ranked):
            return [min(found, key=_mistakes)]
        if self._apart:  # by which pairs are slow to be told from what is right
            return []
        if found := self._pair([one for one, _ in ranked]):
            return found
        plain = [one.parts[0] for one in candidates if not (one.parts[0].is_difference or one.parts[0].strength)]
        return self._taking_no_notice(
            together for one in ignoring for part in plain if (together := one.with_part(part))
        )

    def harmless(self) -> list[Explanation]:
        """The simplest explanations by differences alone: one, or several together."""
        candidates = [one for one in self._single if is_harmless(one.parts)]
        few = [one for one in candidates if one.parts[0].kind not in LAST]
        return (
            self._all_that_explain(few)
            or self._all_that_explain(one for one in candidates if one not in few)
            or self._several(self._ranked(few))
        )

    def _ranked(self, candidates: Sequence[Explanation]) -> list[tuple[Explanation, int]]:
        """The explanations with the number of networks that each fits, those that fit most first."""
        counts = {one: one.count(self._clues) for one in candidates}
        return sorted(counts.items(), key=lambda pair: -pair[1])

    def _several(self, ranked: Sequence[tuple[Explanation, int]]) -> list[Explanation]:
        """Explanations of several parts, begun with those that fit most."""
        others = [one for one, _ in ranked]
        begun = [first for first, count in ranked[:BEGINNINGS] if count]
        return [one for first in begun for one in self._completed(first, others)]

    def _alone(self) -> list[Explanation]:
        """Of explanations of one part those that explain everything: differences before mistakes."""
        few = [one for one in self._single if one.parts[0].kind not in LAST]
        mistakes = [one for one in few if not is_harmless(one.parts)]
        return (
            self._all_that_explain([one for one in few if is_harmless(one.parts)])
            or self._all_that_explain(mistakes)
            or self._all_that_explain(
                one.limited(one.parts[0], Branch("layers", g))
                for one in mistakes
                if is_by_layer(one.parts[0].kind)
                for g in sorted({g for clue in self._clues for g in clue.case.activations})
            )
        )

    def _all_that_explain(self, explanations: Iterable[Explanation]) -> list[Explanation]:
        return [held for one in explanations if self._explains_all(one) for held in self._held(one)]

    def _explains_all(self, explanation: Explanation) -> bool:
        """Whether it explains the first networks, then all; and a mistake is told only where it does harm."""
        return (
            not any(explanation.fits(clue) == "no" for clue in self._clues)
            and explanation.explains(self._wrong)
            and (is_harmless(explanation.parts) or explanation.shows(self._clues))
            and (not explanation.apart or all(self._is_seen(part, explanation) for part in explanation.parts))
        )

    def _is_seen(self, part: Part, explanation: Explanation) -> bool:
        """Whether there are numbers that it explains with this part, and not without."""
        others = explanation.of(other for other in explanation.parts if other != part)
        return any(explanation.fits(one) == "yes" and others.fits(one) == "no" for one in self._wrong)

    def _held(self, explanation: Explanation) -> list[Explanation]:
        """The explanation if no right answer contradicts it; or in the branches where none does.

        A mistake is told where there is no such branch, too: whatever else decides when it is made. But not where all
        that was seen of it are errors, which many raise; unless errors are all that it is.
        """
        against = [right for right in self._right if explanation.is_refuted_by(right)]
        if not against:
            return [explanation]
        if limited := [
            other
            for other in _limited(explanation, self._wrong)
            if not any(map(other.is_refuted_by, against)) and self._explains_all(other)
        ]:
            return limited
        was_seen = explanation.only_fails or any(explanation.fits(clue) == "yes" for clue in self._clues)
        return [explanation] if was_seen and not is_harmless(explanation.parts) else []

    def _by_branch(self, of: BranchOf) -> list[Explanation]:
        """One part for each branch with wrong answers."""
        groups: dict[Branch, list[Answered]] = {}
        for one in self._wrong:
            groups.setdefault(Branch.through(of, one.case)[0], []).append(one)
        if not 1 < len(groups) <= TOGETHER:
            return []
        choices = list[list[Part]]()
        for branch, wrong in groups.items():
            search = Search(self._function, wrong, functools.partial(self._right_in, branch), apart=self._apart)
            found = search._alone()
            choices.append([replace(one.parts[0], branch=branch) for one in found if not one.parts[0].branch])
        return [self._explanation(parts) for parts in itertools.islice(itertools.product(*choices), ALTERNATIVES)]

    def _by_quantity(self) -> list[Explanation]:
        """One mistake for each of two kinds of quantities, as dW and db are, that explain together."""
        kinds = sorted({quantity.kind for one in self._wrong for quantity in one.failing})
        if len(kinds) != 2:
            return []
        choices = list[list[Part]]()
        for kind in kinds:
            wrong = [one.of_kind(kind) for one in self._wrong if any(q.kind == kind for q in one.failing)]
            right = [one.of_kind(kind) for one in self._right]
            search = Search(self._function, wrong, lambda right=right: right, apart=self._apart)  # type: ignore[misc]
            choices.append([one.parts[0] for one in search._alone() if not is_harmless(one.parts)])
        pairs = [self._explanation((first,)).with_part(second) for first, second in itertools.product(*choices)]
        return next((found for one in filter(None, pairs) if (found := self._all_that_explain([one]))), [])

    def _right_in(self, branch: Branch) -> list[Answered]:
        return [one for one in self._right if branch.has(one.case)]

    def _taking_no_notice(self, candidates: Iterable[Explanation]) -> list[Explanation]:
        """Those of a program that takes no notice of activations or of the loss which explain everything.

        No right answer may contradict them. Of a loss the kind is looked for at first: another scale is another factor.
        """
        seen = [one for one in self._clues if one.numbers is not None][:2]
        if len(self._wrong) < ENOUGH or not seen:
            return []
        like = (one for one in candidates if all(map(one.is_proportional_to, seen)))
        return [
            one
            for one in itertools.chain.from_iterable(map(_with_every_scale, like))
            if self._explains_all(one) and not any(map(one.is_refuted_by, self._right))
        ]

    def _completed(self, explanation: Explanation, others: Sequence[Explanation]) -> list[Explanation]:
        """The explanation with more parts, until it explains everything; none where no part helps."""
        for _ in range(TOGETHER - 1):
            left = [clue for clue in self._clues if explanation.fits(clue) == "no"][:3]
            more = [together for other in others if (together := explanation.with_part(other.parts[0]))]
            better = {one: sum(one.fits(clue) != "no" for clue in left) for one in more}
            if not better or not (most := max(better.values())):
                return []
            best = [one for one, number in better.items() if number == most]
            best.sort(key=_mistakes)
            for one in best[:BEGINNINGS]:
                if found := self._all_that_explain([one]):
                    return found
            explanation = best[0]
        return []

    def _pair(self, candidates: Sequence[Explanation]) -> list[Explanation]:
        """Two mistakes, or one beside a difference, that explain together what neither explains anywhere alone."""
        effective = [one for one in candidates if one.parts[0].strength is None and one.shows(self._clues[:4])]
        pairs = [first.with_part(second.parts[0]) for first, second in itertools.combinations(effective, 2)]
        for together in sorted(filter(None, pairs), key=_mistakes):
            if _mistakes(together) and (found := self._all_that_explain([together])):
                return found
        return []


def _ignoring(function: str) -> Iterator[tuple[Part, ...]]:
    """What a function may take no notice of, with one loss of each kind."""
    activations = [Part(ActivationsIgnored, choice) for choice in ActivationsIgnored.choices]
    losses = {
        kind: Part(LossIgnored, next(name for name in LOSSES if find_loss(name).kind == kind))
        for kind in OUTPUT_ACTIVATIONS
    }
    if function in ("forward", "backward"):
        yield from ((part,) for part in activations)
    if function in ("loss", "backward"):
        yield from ((part,) for part in losses.values())
    if function == "backward":
        for kind, loss in losses.items():
            for choice in ActivationsIgnored.choices:
                if ActivationsIgnored(choice).last in OUTPUT_ACTIVATIONS[kind]:
                    yield Part(ActivationsIgnored, choice), loss


def _with_every_scale(explanation: Explanation) -> Iterator[Explanation]:
    """The same with each loss of the kind that is always taken."""
    taken = next((part for part in explanation.parts if part.kind is LossIgnored), None)
    if taken is None:
        yield explanation
        return
    kind = find_loss(str(taken.strength)).kind
    for name in LOSSES:
        if find_loss(name).kind == kind:
            yield explanation.of(replace(part, strength=name) if part is taken else part for part in explanation.parts)


def _mistakes(explanation: Explanation) -> int:
    """How many of its parts are mistakes."""
    return sum(not part.is_difference for part in explanation.parts)


def _limited(explanation: Explanation, wrong: Sequence[Answered]) -> Iterator[Explanation]:
    """The explanation with one of its parts in a branch alone, through which wrong answers came."""
    for part, of in itertools.product(explanation.parts, BRANCHES):
        if part.branch is None and (of != "layers" or is_by_layer(part.kind)):
            for branch in sorted({branch for one in wrong for branch in Branch.through(of, one.case)}):
                yield explanation.limited(part, branch)


def _parts(function: str, clues: Sequence[Answered]) -> list[Part]:
    """All parts that may show in a function: differences first."""
    found = [
        Part(kind, strength)
        for kind in DIFFERENCES.values()
        if function in kind.functions and any(kind.concerns(clue.case.activations, clue.case.loss) for clue in clues)
        for strength in kind.strengths or (None,)
    ]
    of_outputs = function in ("sigmoid_prime", "tanh_prime")
    for name, kind in MISTAKES.items():
        if name in NO_MISTAKES or kind.remembers or (of_outputs and "OfPreActivation" in name):
            continue
        if name != FACTOR:
            found += [Part(form, strength) for form, strength in variants(kind)]
        elif len(clues) >= ENOUGH and (factor := _factor(clues[0])) not in (0, 1):
            found.append(Part(kind, factor))
    return found


def _factor(wrong: Answered) -> float:
    """By which the answers about a network are off, if they are by one."""
    pairs = [
        (np.ravel(np.asarray(value, np.float64)), np.ravel(wrong.expected[q]))
        for q, value in wrong.got.items()
        if isinstance(value, np.ndarray | np.generic | float) and np.shape(value) == np.shape(wrong.expected[q])
    ]
    if not pairs:
        return 1.0
    got, right = (np.concatenate(part) for part in zip(*pairs, strict=True))
    with np.errstate(all="ignore"):
        factor = float(got @ right / (right @ right))
    return float(f"{factor:.9g}") if math.isfinite(factor) else 1.0
