"""What a submission is asked, from an answer key, and what comes of the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from backproof.grader.assignment import Assignment
from backproof.grader.calls import Arguments, Call
from backproof.grader.checks import Outcome, calls_of, judge_calls
from backproof.grader.key import Key
from backproof.grader.running import Runner


class Questions:
    """The networks of a key, ready to be handed over.

    numbers: what the arguments of all calls refer to.
    """

    def __init__(self, assignment: Assignment, key: Key) -> None:
        self.assignment, self.key = assignment, key
        arguments = Arguments()
        self._arguments = {
            function: [
                arguments.of(function, network, prediction)
                for network, prediction in zip(key.networks, key.predictions, strict=True)
            ]
            for function in assignment.functions
        }
        self.numbers = arguments.numbers

    def ask(self, runner: Runner, functions: Sequence[str]) -> Iterator[tuple[Call, Any]]:
        """Make all calls of some functions; the answers come one after the other."""
        runner.give(self.numbers)
        calls = [call for function in functions for call in calls_of(self.assignment, self.key, function)]
        return runner.ask(calls, [self._arguments[call.function][call.number] for call in calls])

    def judge(self, answers: Iterable[tuple[Call, Any]]) -> dict[str, Outcome]:
        """Judge the answers, function by function."""
        results: dict[str, dict[Call, Any]] = {}
        for call, result in answers:
            results.setdefault(call.function, {})[call] = result
        return {function: judge_calls(self.key, function, found) for function, found in results.items()}
