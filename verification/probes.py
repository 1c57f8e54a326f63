"""Probes: networks with what is right about them worked out once, to hold many implementations against."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backproof.oracles.bounds import bounds
from backproof.oracles.case import FUNCTION_OF_KIND, Answer, Case, Quantity
from backproof.oracles.comparison import Record, compare
from backproof.oracles.registry import Oracle
from backproof.reference_impl.contract import Array
from backproof.verification.answered import Answered
from backproof.verification.approximate import added_error
from backproof.verification.campaign import Grade
from backproof.verification.implementation import Implementation
from backproof.verification.judgement import tested


@dataclass(frozen=True)
class Probe:
    """A network, what an oracle says about it, and how far an honest answer may be from that, entry by entry."""

    case: Case
    expected: Answer
    allowed: Answer

    @property
    def prediction(self) -> Array:
        """What the loss is asked about: the oracle's last output, in the case's dtype."""
        return self.expected[Quantity("output", self.case.depth)].astype(self.case.dtype)

    def ask(self, implementation: Implementation) -> dict[Quantity, Any]:
        """What the implementation gives for each quantity, whatever it is."""
        return implementation.answer(self.case, self.prediction)

    def records(self, got: Mapping[Quantity, Any], kinds: Collection[str] = tuple(FUNCTION_OF_KIND)) -> list[Record]:
        """The comparison of the quantities of those kinds, in the case's order."""
        wanted = {quantity: value for quantity, value in self.expected.items() if quantity.kind in kinds}
        allowed = {quantity: self.allowed[quantity] + added_error(got[quantity]) for quantity in wanted}
        return compare(got, wanted, allowed, self.case.dtype)

    def answered(self, function: str, got: Mapping[Quantity, Any], records: Sequence[Record]) -> Answered:
        """What a function gave, for `explanations`. records: of the quantities that are to be explained."""
        quantities = [record.quantity for record in records]
        return Answered(
            function=function,
            case=self.case,
            prediction=self.prediction,
            got={q: got[q] for q in quantities},
            expected={q: self.expected[q] for q in quantities},
            own={q: self.allowed[q] for q in quantities},
            failing=frozenset(record.quantity for record in records if record.verdict == "disagrees"),
        )

    def disagreements(self, implementation: Implementation) -> list[Record]:
        """The records of all that is wrong with what the implementation gives."""
        return [record for record in self.records(self.ask(implementation)) if record.verdict == "disagrees"]


def probe_all(cases: Sequence[Case], oracle: Oracle, grade: Grade = "strict") -> list[Probe]:
    """A probe of each case; allowed is the sum of an honest NumPy implementation's bound and the oracle's.

    All cases are of one dtype.
    """
    if not cases:
        return []
    found = bounds(cases, [tested(cases[0].dtype, grade), oracle.arithmetic], shared=True)
    allowed = [{q: own[q] + theirs[q] for q in own} for own, theirs in (each.allowances for each in found)]
    return [Probe(*parts) for parts in zip(cases, oracle.answers(cases), allowed, strict=True)]
