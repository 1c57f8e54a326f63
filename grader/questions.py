"""What a submission is asked, from an answer key, and what comes of the answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from backproof.grader.assignment import Assignment
from backproof.grader.calls import Call, Given, Trouble, given_to
from backproof.grader.checks import ORDINARY, Outcome, branch_of, calls_of, judge_calls
from backproof.grader.key import Key
from backproof.grader.running import Asked

# Where there is no time for all networks, each check looks at its first one; and as far as there is time, at each
# sixteenth, then at each fourth.
SPARSE = (16, 4, 1)

# Of a share of the time so much is planned for, so that nothing depends on how long a machine takes exactly; and where
# all is likely to take less than that, nothing is planned.
PLANNED, NOTHING = 1 / 2, 1 / 16


# A function that had to be stopped in so many checks is not called again.
MOST_STOPS = 3


class Questions:
    """The networks of a key, to be handed over one by one."""

    def __init__(self, assignment: Assignment, key: Key) -> None:
        self.assignment, self.key = assignment, key
        self._given: dict[tuple[str, int], Given] = {}

    def ask(self, runner: Asked, functions: Sequence[str], seconds: float = math.inf) -> Iterator[tuple[Call, Any]]:
        """Ask functions about the networks. They share so many seconds; what one leaves, the next may use.

        A function that is so slow that its share is not enough for all networks is asked about fewer of each check. How
        many that are goes in large steps, so that what comes of it does not depend on how busy the machine is.
        """
        end = runner.seconds_of_calls + seconds
        for place, function in enumerate(functions):
            share, begun = (end - runner.seconds_of_calls) / (len(functions) - place), runner.seconds_of_calls
            order = {call: i for i, call in enumerate(calls_of(self.assignment, self.key, function))}
            first, *rest = _rounds(list(order), self.key)
            answered, stopped = 0, set[str]()  # the checks in which a call had to be, and that are given up
            calls, more = first, rest
            while calls:
                left_of_share = share - (runner.seconds_of_calls - begun)
                for call, result in self._made(runner, calls, left_of_share, MOST_STOPS - len(stopped)):
                    if isinstance(result, Trouble) and result.sort == "stopped":
                        stopped.add(call.check)
                    else:
                        answered += 1
                    yield call, result
                used = runner.seconds_of_calls - begun
                # Those that had to be stopped say nothing of the others.
                pace = max(used - len(stopped) * self.assignment.limits.call_seconds, 0) / max(answered, 1)
                given_up = len(stopped) >= MOST_STOPS
                more = [[call for call in part if not given_up and call.check not in stopped] for part in more]
                # In the key's order, where some follow on one that they are to be confused with.
                left = sorted((call for part in more for call in part), key=order.__getitem__)
                if pace * len(left) <= NOTHING * share:
                    calls, more = left, []
                elif more and used + pace * len(more[0]) <= PLANNED * share:
                    calls, *more = more
                else:
                    break

    def _made(self, runner: Asked, calls: list[Call], seconds: float, stops: int) -> Iterator[tuple[Call, Any]]:
        return runner.ask(calls, [self._given_to(*call[:2]) for call in calls], seconds=seconds, stops=stops)

    def _given_to(self, function: str, number: int) -> Given:
        """What a function is given for a network, which serves for both precisions and for every submission."""
        found = self._given.get((function, number))
        if found is None:
            found = given_to(function, self.key.networks[number], self.key.predictions[number])
            self._given[function, number] = found
        return found

    def unasked(self, trouble: Trouble) -> Iterator[tuple[Call, Any]]:
        """All calls, none of which is made, for that reason."""
        for function in self.assignment.functions:
            for call in calls_of(self.assignment, self.key, function):
                yield call, trouble

    def judge(self, answers: Iterable[tuple[Call, Any]]) -> dict[str, Outcome]:
        """Judge the answers, function by function."""
        results: dict[str, dict[Call, Any]] = {}
        for call, result in answers:
            results.setdefault(call.function, {})[call] = result
        return {
            function: judge_calls(self.assignment, self.key, function, found) for function, found in results.items()
        }


def steps(most: int, pace: float, seconds: float) -> int:
    """How many of `most` steps there is time for, at that pace: all, or a fourth, a sixteenth, and so on."""
    while most and most * pace > seconds:
        most //= 4
    return most


def _rounds(calls: Sequence[Call], key: Key) -> list[list[Call]]:
    """The calls in parts, of which each is about all checks, the next one about more networks of each.

    Of ordinary networks each is about all branches, for whoever is wrong in one is not to gain by being slow.
    """
    rounds: list[list[Call]] = [[] for _ in range(1 + len(SPARSE))]
    before = Counter[tuple[str, str]]()
    for call in calls:
        branch = branch_of(call.function, key.networks[call.number]) if call.check == ORDINARY else ""
        kind = call.check, branch
        position = before[kind]
        before[kind] += 1
        place = 0 if position == 0 else 1 + next(i for i, divisor in enumerate(SPARSE) if position % divisor == 0)
        rounds[place].append(call)
    return rounds
