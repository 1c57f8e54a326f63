"""Checks: what a function is judged on, one thing at a time, and what each is worth.

A function's points are shared out equally over what it gives (`backward`: the gradients of weights, and of biases). Of
each part, 1 - edge_share is for ordinary networks, and the rest is shared equally by the edges and, where there are two
dtypes, single precision. An edge counts where ordinary networks are right: nobody is paid for being right with one
sample alone.

Networks come in branches, by which a program may go separate ways: of the loss and of `backward` by the loss, of
`forward` by the last activation. Each branch has an equal share of a check's points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from backproof.grader.assignment import Assignment
from backproof.grader.calls import Call, Trouble
from backproof.grader.declared import forgive
from backproof.grader.judging import NOT_ASKED, Given, judge
from backproof.grader.key import Key
from backproof.grader.networks import Network
from backproof.oracles.comparison import Record

ORDINARY, SINGLE_PRECISION = "ordinary networks", "single precision"

Status = Literal["passed", "failed", "not checked"]


class Failure(NamedTuple):
    """One quantity of one network that is not right."""

    number: int
    dtype: str
    record: Record


class Outcome(NamedTuple):
    """What a function did: the result of every call; and for each dtype, network by network, what was wrong with it.

    given: by quantity, for each dtype and network. records: of the quantities that do not agree. branches: of each
    network its own. of_checks: all branches that a check is about, also where there was no time for some.
    """

    results: dict[Call, Any]
    given: dict[str, list[Given]]
    records: dict[str, list[list[Record]]]
    branches: tuple[str, ...]
    of_checks: dict[str, set[str]]

    @property
    def right(self) -> bool:
        """Whether nothing was wrong with it."""
        return not any(records for found in self.records.values() for records in found)

    def absence(self) -> Trouble | None:
        """Why the function gave nothing at all, where that is because it is not there, or not written."""
        return self._always("missing", "unwritten")

    def unimportable(self) -> Trouble | None:
        """Why it could not even be called, where that is because the file cannot be imported."""
        return self._always("unimportable")

    def only_raised(self) -> bool:
        """Whether it raised an error in every call, so that there is nothing to compare."""
        return self._always("raised") is not None

    def is_not_there(self) -> bool:
        """Whether there is no function to call, whatever it calls itself."""
        return self.unimportable() is not None or self._always("missing") is not None

    def gave_nothing(self) -> Trouble | None:
        """Why there is nothing to judge, where that is so."""
        return self.absence() or self.unimportable()

    def _always(self, *sorts: str) -> Trouble | None:
        results = list(self.results.values())
        troubles = [result for result in results if isinstance(result, Trouble) and result.sort in sorts]
        return troubles[0] if len(troubles) == len(results) else None


@dataclass(frozen=True)
class Check:
    """One check of one kind of quantity of a function.

    worth: its points; networks: how many it looked at; failures: what was not right; status. branches: of these
    networks, in the order of their names; right: those in which everything was.
    """

    function: str
    kind: str
    name: str
    worth: Fraction
    networks: int
    failures: tuple[Failure, ...]
    status: Status
    branches: tuple[str, ...]
    right: frozenset[str]


def calls_of(assignment: Assignment, key: Key, function: str) -> Iterator[Call]:
    """All calls of a function: about every network in the first dtype, then in the second, but for integers."""
    own = assignment.edges_of(function)
    for i, dtype in enumerate(assignment.dtypes):
        for number, network in enumerate(key.networks):
            if i == 0:
                # What is special about a network may mean nothing to the function, as its widths do to the sigmoid.
                yield Call(function, number, dtype, network.edge if network.edge in own else ORDINARY)
            elif network.edge != "integers":
                yield Call(function, number, dtype, SINGLE_PRECISION)


def judge_calls(assignment: Assignment, key: Key, function: str, results: dict[Call, Any]) -> Outcome:
    """Judge what a function gave for its calls."""
    given, records = {}, {}
    for dtype in dict.fromkeys(call.dtype for call in results):
        by_network = {call.number: result for call, result in results.items() if call.dtype == dtype}
        whole = [by_network.get(number, NOT_ASKED) for number in range(len(key.networks))]
        given[dtype], records[dtype] = judge(key, function, dtype, whole)
        forgive(assignment, key, function, dtype, given[dtype], records[dtype])
    branches = tuple(branch_of(function, network) for network in key.networks)
    of_checks: dict[str, set[str]] = {}
    for call in calls_of(assignment, key, function):
        of_checks.setdefault(call.check, set()).add(branches[call.number])
    return Outcome(results, given, records, branches, of_checks)


def branch_of(function: str, network: Network) -> str:
    """The branch that a function takes with a network; empty where it has one alone."""
    case = network.case
    return {"loss": case.loss, "backward": case.loss, "forward": case.activations[-1]}.get(function, "")


def checks_of(assignment: Assignment, function: str, outcome: Outcome) -> list[Check]:
    """The checks of a function, part by part, each with its verdict."""
    kinds = assignment.kinds_of(function)
    return [
        check
        for kind in kinds
        for check in _checks_of_kind(assignment, function, kind, outcome, assignment.points_of(function) / len(kinds))
    ]


def ordinary_first(checks: Sequence[Check]) -> list[Check]:
    """The checks in the order in which they are told: whoever is wrong on ordinary networks need not hear of edges."""
    return sorted(checks, key=lambda check: check.name != ORDINARY)


def _checks_of_kind(
    assignment: Assignment, function: str, kind: str, outcome: Outcome, points: Fraction
) -> Iterator[Check]:
    wrong = list(_failures(outcome, kind))
    names = dict.fromkeys(call.check for call in outcome.results)
    # A branch that is wrong on ordinary networks, which come first, counts whether or not there was time to ask again.
    counted, wrong_branches = set[int](), set[str]()
    edge_share = Fraction(assignment.edge_share) if len(names) > 1 else Fraction(0)
    for name in names:
        numbers = {call.number for call in outcome.results if call.check == name}
        if name == SINGLE_PRECISION:
            # What goes wrong in double precision too has been counted there.
            failures = [f for f in wrong if f.dtype != assignment.dtypes[0] and f.number not in counted]
        else:
            failures = [f for f in wrong if f.dtype == assignment.dtypes[0] and f.number in numbers]
            counted |= numbers if failures else set()
        share = 1 - edge_share if name == ORDINARY else edge_share / (len(names) - 1)
        asked = {outcome.branches[number] for number in numbers}
        failed = {outcome.branches[failure.number] for failure in failures}
        wrong_branches |= failed if name == ORDINARY else set()
        yield Check(
            function, kind, name, points * share, len(numbers), tuple(failures), _status(failures, outcome),
            tuple(sorted(asked | (outcome.of_checks[name] & wrong_branches))), frozenset(asked - failed),
        )  # fmt: skip


def _failures(outcome: Outcome, kind: str) -> Iterator[Failure]:
    for dtype, records in outcome.records.items():
        for number, found in enumerate(records):
            yield from (Failure(number, dtype, record) for record in found if record.quantity.kind == kind)


def _status(failures: Sequence[Failure], outcome: Outcome) -> Status:
    if not failures:
        return "passed"
    # A function that says that it is not written fails; what there was no time for is neither right nor wrong.
    given = (outcome.given[failure.dtype][failure.number][failure.record.quantity] for failure in failures)
    unwritten = any(isinstance(value, Trouble) and value.sort == "unwritten" for value in given)
    failed = unwritten or any(failure.record.verdict == "disagrees" for failure in failures)
    return "failed" if failed else "not checked"
