"""A part of a campaign judged: its networks by the stack, and one by one where anything is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from backproof.oracles.beside import Beside
from backproof.oracles.bounds import Arithmetic
from backproof.oracles.bounds.network import StackBounds, stack_bounds
from backproof.oracles.case import FUNCTION_OF_KIND, KINDS, Answer
from backproof.oracles.comparison import NOTHING, compare_segments
from backproof.oracles.corners import Seen
from backproof.oracles.exact import exact_stack
from backproof.oracles.registry import Oracle
from backproof.oracles.segments import compare, count_exact, last_outputs, naming
from backproof.oracles.stack import Flat, Stack, stacks
from backproof.reference_impl.contract import Array
from backproof.verification.answered import Answered
from backproof.verification.calls import answers_of, prediction_of
from backproof.verification.campaign import Campaign, Progress
from backproof.verification.explanations import explained
from backproof.verification.finer import COARSER, FINER, entries_of, right_in_float64
from backproof.verification.implementation import Implementation
from backproof.verification.judgement import (
    Evidence,
    allowances,
    exactly,
    given,
    judgement,
    leniently,
    tested,
    wrong_answers,
)
from backproof.verification.records import Rows

# The answers about so many networks of a part are kept to its end, in all dtypes: explanations are held against them.
KEPT = 2048

# What a part is doing, as it tells of its stages; besides, "torch computes" and the like.
DRAWING, STACKING, CALLING, BOUNDING, COMPARING, REFINING, EXPLAINING, WRITING = (
    "drawing networks",
    "stacking networks",
    "calling the implementation",
    "deriving bounds",
    "comparing",
    "asking in float64 what float32 leaves open",
    "explaining what is wrong",
    "keeping records",
)


def computing(oracle: str) -> str:
    """The stage in which an oracle answers."""
    return f"{oracle} computes"


def judge_part(
    rows: Rows,
    campaign: Campaign,
    implementation: Implementation,
    oracles: Sequence[Oracle],
    progress: Progress,
) -> None:
    """Judge the networks of `rows` in every dtype, and note the outcome there."""
    progress.stage(STACKING)
    casts = [[case.cast(dtype) for case in rows.cases] for dtype in campaign.dtypes]
    # The dtypes in turn, so that what functions keep of calls in one of them is seen in the others.
    in_turn: Iterable[tuple[int, Stack]] = (
        (dtype, stack) for same in zip(*map(stacks, casts), strict=True) for dtype, stack in enumerate(same)
    )
    ahead = dict[str, Iterator[Flat]]()
    if beside := [oracle for oracle in oracles if isinstance(oracle, Beside)]:  # who begins with all of it at once
        in_turn = list(in_turn)
        ahead = {oracle.name: oracle.ahead([stack for _, stack in in_turn]) for oracle in beside}

    def answer(oracle: Oracle, stack: Stack) -> Flat:
        progress.stage(computing(oracle.name))
        return next(ahead[oracle.name]) if oracle.name in ahead else oracle.flat(stack)

    first, *others = oracles
    begun = (
        _StackJudge(rows, campaign, implementation, oracles, stack, answer(first, stack), dtype, progress)
        for dtype, stack in in_turn
    )
    wrong, judges = list[Answered](), list[_StackJudge]()
    # While others compute, all that can be done without their answers is done for all stacks.
    for judge in list(begun) if ahead else begun:
        if sum(len(kept.stack.cases) for kept in judges) < KEPT:
            judges.append(judge)
        wrong += judge.judge([answer(other, judge.stack) for other in others])
        progress.judged(len(judge.stack.cases))
        progress.stage(STACKING)
    progress.stage(EXPLAINING)
    for one, names in explained(wrong, lambda function: [right for judge in judges for right in judge.right(function)]):
        rows.add_explanation(*one.at, {q.kind for q in one.failing}, names)


class _StackJudge:
    """A stack of cases of one dtype, judged: first what it answers and everybody may be off by, then the comparison."""

    def __init__(
        self,
        rows: Rows,
        campaign: Campaign,
        implementation: Implementation,
        oracles: Sequence[Oracle],
        stack: Stack,
        first: Flat,
        dtype: int,
        progress: Progress,
    ) -> None:
        """first: the first oracle's answers."""
        self.rows, self.campaign, self.implementation, self.stack = rows, campaign, implementation, stack
        self.oracles, self.dtype, self.networks = oracles, dtype, np.array(stack.numbers)
        self.expected, self.progress = [first], progress
        self.failing, self.finely = dict[int, set[str]](), Flat()
        progress.stage(CALLING)
        self.predictions = last_outputs(stack, first["output"])
        self.answers = answers_of(implementation, stack, self.predictions)
        progress.stage(BOUNDING)
        self.bounds, self.own, self.theirs = self._bounds()

    def judge(self, others: Sequence[Flat]) -> list[Answered]:
        """Compare everything at once; then look into what disagrees, or gave no answer that could be compared.

        others: the other oracles' answers. What is wrong is given back, to be explained.
        """
        found = list[Answered]()
        self.expected += others
        self.progress.stage(COMPARING)
        if self.dtype == 0:
            self.rows.add_drawn(Seen(self.stack, self.expected[0]["output"]), self.networks)
        self.rows.undecided[self.networks, self.dtype] = self.bounds.undecided[self.own]
        wrong = ~self.answers.sound | self._compare()
        self._compare_exactly()
        if self.campaign.dtypes[self.dtype] == COARSER:
            self._refine()
        if self.campaign.attribute:
            wrong[:] = True
        for s, evidence in self._evidence(np.flatnonzero(wrong).tolist()):
            judged = judgement(evidence, attribute=self.campaign.attribute)
            self.rows.add_judgement(self.stack.numbers[s], self.dtype, judged)
            prediction = prediction_of(self.stack, self.predictions, s)
            failing = [*wrong_answers((self.stack.numbers[s], self.dtype), evidence, judged, prediction)]
            self.failing[s] = {one.function for one in failing}
            found += failing
        self.rows.judged[self.networks, self.dtype] = True
        return found

    def right(self, function: str) -> Iterator[Answered]:
        """What a function gave that is the contract's, as the first oracle sees it."""
        if not {*KINDS[function]} <= self.answers.lines.keys():
            return
        chosen = [s for s in np.flatnonzero(self.answers.sound).tolist() if function not in self.failing.get(s, ())]
        oracle, expected = self.oracles[0], self.stack.split(self.expected[0], chosen)
        got = given(self.implementation, self.stack, self.answers, chosen)
        bounds = (self._split_bounds(number, chosen) for number in (self.own, self.theirs[0]))
        for s, answer, value, own, theirs in zip(chosen, got, expected, *bounds, strict=True):
            case = self.stack.cases[s]
            if quantities := [q for q in case.quantities if q.kind in KINDS[function]]:
                allowed = allowances(oracle, theirs, value, own)
                yield Answered(
                    function=function,
                    case=case,
                    prediction=prediction_of(self.stack, self.predictions, s),
                    got={q: answer[q] for q in quantities},
                    expected={q: value[q] for q in quantities},
                    own={q: own[q] + allowed[q] for q in quantities},
                )

    def _split_bounds(self, number: int, chosen: Sequence[int]) -> list[Answer]:
        """The bounds of one of the arithmetics, of the chosen cases."""
        return self.stack.split({kind: lines[number] for kind, lines in self.bounds.allowances.items()}, chosen)

    def _bounds(self) -> tuple[StackBounds, int, list[int]]:
        """The bounds of all arithmetics, each once; and which of them the implementation has, and the oracles."""
        own = tested(self.campaign.dtypes[self.dtype], self.campaign.grade)
        different: dict[Arithmetic, int] = {}
        number, *numbers = (
            different.setdefault(arithmetic.unnamed, len(different))
            for arithmetic in (own, *(oracle.arithmetic for oracle in self.oracles))
        )
        return stack_bounds(self.stack, list(different), shared=True), number, numbers

    def _compare(self) -> Array:
        """Note how all networks compare, and say which of them disagree, (S,)."""
        stack, wrong, got = self.stack, np.zeros(len(self.stack.cases), bool), self.answers.lines
        nothing = NOTHING[self.campaign.dtypes[self.dtype]]
        for kind in stack.sizes:  # in their order, so that the same records are the same bytes
            if kind not in got:
                self.rows.add_missing(stack, self.networks, self.dtype, kind, FUNCTION_OF_KIND[kind])
        for kind, answers in got.items():
            own, layout, named = self.bounds.allowances[kind][self.own], stack.layouts[kind], naming(stack, kind)
            for o, flat in enumerate(self.expected):
                outcomes, theirs = self.rows.outcomes(self.dtype, o, kind), self._theirs(o, kind)
                compare(answers, flat[kind], own, theirs, layout, named, self.networks, nothing, outcomes)
                wrong |= outcomes.failures[self.networks] > 0
        return wrong

    def _theirs(self, o: int, kind: str) -> Array:
        """What an oracle's answers of a kind may be off by."""
        bounds, arithmetic = self.bounds.allowances[kind], self.oracles[o].arithmetic
        return arithmetic.with_answer(bounds[self.theirs[o]], self.expected[o][kind], bounds[self.own])

    def _refine(self) -> None:
        """Ask in float64 about the networks that float32 is too coarse for, and note what is right there."""
        coarse = self.rows.coarse[self.networks, self.dtype].any(axis=(1, 2))
        chosen = np.flatnonzero(coarse & self.answers.sound).tolist()
        if not chosen:
            return
        self.progress.stage(REFINING)
        arithmetic, stack = tested(FINER, self.campaign.grade), self.stack
        self.finely = right_in_float64(self.implementation, arithmetic, self.oracles[0], stack, chosen)
        for kind, right in self.finely.items():
            at, sizes = entries_of(stack, kind, chosen), stack.layouts[kind].sizes[chosen]
            arrays, own = sizes > 0, self.bounds.allowances[kind][self.own]
            for o in range(len(self.oracles)):
                found = compare_segments(
                    self.answers.lines[kind][at],
                    self.expected[o][kind][at],
                    (own + self._theirs(o, kind))[at],
                    sizes[arrays],
                    nothing=NOTHING[COARSER],
                    finely=right[at] > 0,
                )
                finer = np.bincount(np.nonzero(arrays)[0], found.finer)
                self.rows.add_finer(self.networks[chosen], self.dtype, o, kind, finer)

    def _compare_exactly(self) -> None:
        """Note how many numbers could be exact, and how many of them are not."""
        stack, got = self.stack, self.answers.lines
        exact = exact_stack(stack)
        if exact is None:
            return
        numbers, inexact, digits = (np.zeros(len(stack.cases), int) for _ in range(3))
        for kind in exact.values.keys() & got.keys():
            values, known = exact.values[kind], exact.known[kind]
            count_exact(got[kind], values, known, exact.networks, stack.layouts[kind], numbers, inexact)
            digits = np.maximum(digits, exact.digits[kind].max(axis=1))
        for column, found in ((self.rows.exact, numbers), (self.rows.inexact, inexact), (self.rows.digits, digits)):
            column[self.networks, self.dtype] = np.where(self.answers.sound, found, 0)

    def _evidence(self, wrong: Sequence[int]) -> Iterator[tuple[int, Evidence]]:
        """The evidence on the networks that are wrong, and on those with another answer when they were asked again."""
        chosen = sorted({*wrong, *self.answers.later})
        if not chosen:
            return
        stack = self.stack
        names = [oracle.name for oracle in self.oracles]
        answers = given(self.implementation, stack, self.answers, chosen)
        witnesses = [stack.split(flat, chosen) for flat in self.expected]
        finely = stack.split(self.finely, chosen)
        own, *theirs = (self._split_bounds(number, chosen) for number in (self.own, *self.theirs))
        lenient = dict(zip(wrong, leniently([stack.cases[s] for s in wrong], self.campaign.grade), strict=True))
        for i, s in enumerate(chosen):
            case = stack.cases[s]
            yield (
                s,
                Evidence(
                    case=case,
                    got=answers[i],
                    expected={name: witness[i] for name, witness in zip(names, witnesses, strict=True)},
                    own=own[i],
                    theirs={
                        oracle.name: allowances(oracle, allowed[i], witness[i], own[i])
                        for oracle, allowed, witness in zip(self.oracles, theirs, witnesses, strict=True)
                    },
                    undecided=int(self.bounds.undecided[self.own, s]),
                    exact=exactly(case),
                    later=self.answers.later.get(s, {}),
                    finely=finely[i],
                    lenient=lenient.get(s),
                ),
            )
