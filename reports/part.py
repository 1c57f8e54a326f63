"""A part of a campaign judged: its networks by the stack, and one by one where anything is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oracles.bounds import Arithmetic
from oracles.bounds.network import StackBounds, stack_bounds
from oracles.case import FUNCTION_OF_KIND
from oracles.comparison import compare_segments
from oracles.registry import Oracle
from oracles.stack import Flat, Stack, stacks
from reference_impl.contract import Array
from reports.campaign import Campaign, Progress
from reports.implementation import Implementation
from reports.judgement import Evidence, allowances, differs, exactly, judgement, tested
from reports.records import Rows

if TYPE_CHECKING:
    from oracles.exact import Exact


def judge_part(
    rows: Rows,
    campaign: Campaign,
    implementation: Implementation,
    oracles: Sequence[Oracle],
    progress: Progress,
) -> None:
    """Judge the networks of `rows` in every dtype, and note the outcome there."""
    for number, dtype in enumerate(campaign.dtypes):
        for stack in stacks([case.cast(dtype) for case in rows.cases]):
            progress.stage(f"judging {implementation.name}")
            _StackJudge(rows, campaign, implementation, oracles, stack, number).judge()
            progress.judged(len(stack.cases))


class _StackJudge:
    """A stack of cases of one dtype, judged."""

    def __init__(
        self,
        rows: Rows,
        campaign: Campaign,
        implementation: Implementation,
        oracles: Sequence[Oracle],
        stack: Stack,
        dtype: int,
    ) -> None:
        self.rows, self.campaign, self.implementation, self.stack = rows, campaign, implementation, stack
        self.oracles, self.dtype, self.networks = oracles, dtype, np.array(stack.numbers)

    def judge(self) -> None:
        """Compare everything at once; then look into what disagrees, or gave no answer that could be compared."""
        stack, campaign = self.stack, self.campaign
        expected = [oracle.flat(stack) for oracle in self.oracles]
        predictions = _predictions(stack, expected[0])
        answers = [
            self.implementation.sound_answer(case, prediction)
            for case, prediction in zip(stack.cases, predictions, strict=True)
        ]
        bounds, numbers = self._bounds()
        self.rows.undecided[self.networks, self.dtype] = bounds.undecided[numbers[0]]
        wrong = np.array([answer is None for answer in answers])
        wrong |= self._compare(_joined(stack, answers), expected, bounds, numbers)
        exact = [exactly(case) for case in stack.cases]
        wrong |= self._compare_exactly(answers, exact)
        chosen = np.arange(len(stack.cases)) if campaign.attribute else np.flatnonzero(wrong)
        if chosen.size:
            for s, evidence in self._evidence(chosen, answers, predictions, expected, bounds, numbers, exact):
                judged = judgement(evidence, campaign.grade, attribute=campaign.attribute)
                self.rows.add_judgement(stack.numbers[s], self.dtype, judged)
        self.rows.judged[self.networks, self.dtype] = True

    def _bounds(self) -> tuple[StackBounds, list[int]]:
        """The bounds of all arithmetics, each once, and which of them the implementation and the oracles have."""
        wanted = [
            tested(self.campaign.dtypes[self.dtype], self.campaign.grade),
            *(oracle.arithmetic for oracle in self.oracles),
        ]
        different: dict[Arithmetic, int] = {}
        numbers = [different.setdefault(arithmetic.unnamed, len(different)) for arithmetic in wanted]
        componentwise = self.campaign.bound == "componentwise"
        return stack_bounds(self.stack, list(different), componentwise=componentwise), numbers

    def _compare(self, got: Flat, expected: list[Flat], bounds: StackBounds, numbers: list[int]) -> Array:
        """Note how all networks compare, and say which of them disagree, (S,)."""
        stack, wrong = self.stack, np.zeros(len(self.stack.cases), bool)
        own, *theirs = numbers
        for kind, sizes in stack.sizes.items():
            if kind not in got:
                self.rows.add_missing(stack, self.networks, self.dtype, kind, FUNCTION_OF_KIND[kind])
                continue
            allowed = bounds.allowances[kind]
            for o, (oracle, answer, number) in enumerate(zip(self.oracles, expected, theirs, strict=True)):
                theirs_allowed = oracle.arithmetic.with_answer(allowed[number], answer[kind], allowed[own])
                values = got[kind], answer[kind], allowed[own] + theirs_allowed
                found = compare_segments(*values, sizes)
                self.rows.add_segments(stack, self.networks, self.dtype, o, kind, found, values)
                wrong |= found.failures > 0
        return wrong

    def _compare_exactly(self, answers: list[dict[str, list[Any]] | None], exact: list[Exact | None]) -> Array:
        """Note what must be exact, and say which of the networks have something that is not, (S,)."""
        wrong = np.zeros(len(exact), bool)
        for s, (answer, found) in enumerate(zip(answers, exact, strict=True)):
            if answer is None or found is None:
                continue
            got = self.implementation.by_quantity(self.stack.cases[s], answer)
            there = [q for q in found.values if q.kind in answer]
            wrong[s] = any(differs(got[q], found.values[q]) for q in there)
            at = self.stack.numbers[s], self.dtype
            self.rows.exact[at] = sum(found.values[q].size for q in there)
            self.rows.digits[at] = max((found.digits[q] for q in there), default=0)
        return wrong

    def _evidence(
        self,
        chosen: Array,
        answers: list[dict[str, list[Any]] | None],
        predictions: list[Array],
        expected: list[Flat],
        bounds: StackBounds,
        numbers: list[int],
        exact: list[Exact | None],
    ) -> Iterator[tuple[int, Evidence]]:
        """The evidence on some of the networks."""
        stack, names = self.stack, [oracle.name for oracle in self.oracles]
        witnesses = [stack.split(flat) for flat in expected]
        limits = [stack.split({kind: lines[i] for kind, lines in bounds.allowances.items()}) for i in numbers]
        for s in chosen.tolist():
            case = stack.cases[s]
            own, *theirs = (allowed[s] for allowed in limits)
            sound = answers[s]
            # What was sound is not asked for again: an implementation with a memory would answer otherwise.
            if sound is None:
                got = self.implementation.answer(case, predictions[s])
            else:
                got = self.implementation.by_quantity(case, sound)
            yield (
                s,
                Evidence(
                    case,
                    got,
                    dict(zip(names, (witness[s] for witness in witnesses), strict=True)),
                    own,
                    {
                        oracle.name: allowances(oracle, allowed, witness[s], own)
                        for oracle, allowed, witness in zip(self.oracles, theirs, witnesses, strict=True)
                    },
                    int(bounds.undecided[numbers[0], s]),
                    exact[s],
                ),
            )


def _predictions(stack: Stack, expected: Flat) -> list[Array]:
    """The last layers' outputs, for the loss to be asked about."""
    ends, found = np.cumsum(stack.sizes["output"]).tolist(), []
    outputs = expected["output"].astype(stack.cases[0].dtype)
    for case, end in zip(stack.cases, ends, strict=True):
        n, k = case.y.shape
        found.append(outputs[end - n * k : end].reshape(n, k))
    return found


def _joined(stack: Stack, answers: list[dict[str, list[Any]] | None]) -> Flat:
    """The answers by kind, float64; NaN for a network that gave none that can be compared."""
    kinds = {kind for answer in answers if answer is not None for kind in answer}
    lines: dict[str, list[Array]] = {kind: [] for kind in kinds}
    for s, answer in enumerate(answers):
        for kind, parts in lines.items():
            parts += [np.full(stack.sizes[kind][s], np.nan)] if answer is None else answer[kind]
    return {kind: np.concatenate(parts, axis=None, dtype=np.float64) for kind, parts in lines.items()}
