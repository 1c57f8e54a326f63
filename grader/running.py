"""Asking a submission: every call gets an answer, or a reason why there is none, whatever the submission does."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self

from backproof.grader.assignment import Assignment
from backproof.grader.calls import NOT_AGAIN, Call, Given, Trouble, explanation, rebuild
from backproof.grader.handed_in.submission import Copied
from backproof.grader.sandbox.launch import Mode, launch
from backproof.grader.sandbox.messages import ANSWERED, Imported, Loaded, NoMessageError, Raised, Stopped
from backproof.grader.sandbox.packages import find_packages
from backproof.grader.sandbox.pipes import MEBIBYTE
from backproof.grader.sandbox.session import NO_MESSAGE, Closed, Limits, Message, Session, WorkerFailure
from backproof.reference_impl.contract import FUNCTIONS

KIBIBYTE = 1024

# An honest submission prints a little; this much, in bytes, is no accident.
MOST_PRINTED = 16 * MEBIBYTE

# So many calls a worker is asked for at once, since to wake it up takes longer than most calls; it knows no others.
AT_ONCE = 8

# So much later than the worker itself a file that goes on and on while it is imported is stopped from outside.
LATER = 1.0


class Budget:
    """What all runners of a submission share: the seconds that it may use, and how far it can be imported.

    Seconds are charged as in `grader.sandbox.session`: processor time, however busy the machine is. passed: the lines
    of statements that are passed over when it is imported, and what they raised; ended: the lines where the import
    ends, of a notebook each in its cell, and of what. unimportable: why it cannot be imported at all, which is tried
    once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.runners: list[Runner] = []
        self.passed: dict[int, str] = {}
        self.ended: dict[int, str] = {}
        self.unimportable: Trouble | None = None

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(self.seconds - sum(runner.seconds for runner in self.runners), 0)

    @property
    def used_up(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0


class Asked(Protocol):
    """Whoever answers calls to a submission's functions."""

    outputs: list[str]

    @property
    def seconds(self) -> float:
        """How long it has computed."""

    @property
    def seconds_of_calls(self) -> float:
        """The same, without importing the submission."""

    def replace(self, sources: dict[str, str]) -> None:
        """Put right functions in the place of the submission's own."""

    def ask(
        self,
        calls: Sequence[Call],
        given: Sequence[Given],
        *,
        seconds: float = math.inf,
        stops: float = math.inf,
        fresh: bool = False,
    ) -> Iterator[tuple[Call, Any]]:
        """What each call gives, or a `Trouble`."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Runner(Closed):
    """A submission in its sandbox, which is started anew whenever it has to be stopped.

    outputs: what each worker has printed, once it has ended.
    """

    def __init__(self, assignment: Assignment, mode: Mode, copied: Copied, budget: Budget) -> None:
        """Start a worker, without waiting for it. What it uses is charged to the budget.

        Raises `grader.sandbox.launch.SandboxError` where the sandbox does not work, or a package that the assignment
        allows is not there.
        """
        self._use, self._budget = assignment.limits, budget
        budget.runners.append(self)
        self._limits = Limits(
            cpu_seconds=math.ceil(budget.seconds) + 1,  # for whoever is not watched, and dies of it
            wall_factor=self._use.wall_factor,
            memory_bytes=self._use.memory_mb * MEBIBYTE,
            processes=self._use.processes,
            output_bytes=MOST_PRINTED,
            kept_bytes=self._use.output_kb * KIBIBYTE,
        )
        self._copied = copied
        packages = () if mode == "none" else find_packages(assignment.packages)  # else they are its own
        self._launch = launch(mode, copied.folder, copied.main, copied.adapter, packages)
        self._replaced: dict[str, str] = {}
        self._session: Session | None = Session(self._launch, self._limits)
        self._loaded, self._numbers, self._asked = False, itertools.count(), deque[int]()
        self._ended = self._importing = 0.0  # what workers that have ended were charged, and all for importing
        self.outputs: list[str] = []

    @property
    def seconds(self) -> float:
        """What the submission has been charged by this runner, in seconds of processor time."""
        return self._ended + (self._session.seconds if self._session else 0.0)

    @property
    def seconds_of_calls(self) -> float:
        """The same without what it was charged for importing the submission, which is nobody's share."""
        return self.seconds - self._importing

    def replace(self, sources: dict[str, str]) -> None:
        """Put right functions, given as source texts, in the place of the submission's own, wherever it calls them."""
        self._replaced |= sources
        if self._loaded:
            assert self._session is not None
            self._session.send(Message({"replace": sources}))

    def ask(
        self,
        calls: Sequence[Call],
        given: Sequence[Given],
        *,
        seconds: float = math.inf,
        stops: float = math.inf,
        fresh: bool = False,
    ) -> Iterator[tuple[Call, Any]]:
        """What each call gives, or a `Trouble`; what it is given is handed over when it is its turn.

        seconds: once so much has been charged for them, no more calls are made; nor are they once it had to be stopped
        so many times. fresh: the submission is imported anew before, so that nothing is remembered of earlier calls.

        Raises `grader.sandbox.launch.SandboxError` where the sandbox does not work.
        """
        waiting, until = deque(zip(calls, given, strict=True)), self.seconds_of_calls + seconds
        while waiting:
            try:
                if not self._budget.used_up and not self._budget.unimportable:
                    self._budget.unimportable = self._load(fresh=fresh)
                    fresh = False
                if self._budget.unimportable:
                    self.close()
                    yield from ((call, self._budget.unimportable) for call, _ in waiting)
                    return
                while waiting:
                    if self.seconds_of_calls >= until or self._budget.used_up:
                        yield from self._too_late(waiting)
                        return
                    if not self._asked:
                        self._hand_over(itertools.islice(waiting, AT_ONCE))
                    yield waiting[0][0], self._answer(waiting[0][0])
                    waiting.popleft()
            except WorkerFailure as failure:
                self.close()
                if self._budget.used_up:
                    continue
                stopped, _ = waiting.popleft()
                yield stopped, Trouble(f"{stopped.function} {failure}", sort="stopped")
                stops -= 1
                for item in [item for item in waiting if stops < 1 or _same_check(item[0], stopped)]:
                    waiting.remove(item)
                    yield item[0], Trouble(NOT_AGAIN, sort="unchecked")

    def import_problem(self) -> str:
        """Why the submission cannot be imported; empty where it can."""
        found = self._load(fresh=False)
        return found.cause if found else ""

    def close(self) -> None:
        """End the worker; what it printed is kept."""
        if self._session is not None:
            self._session.close()
            self._ended += self._session.seconds
            self.outputs.append(self._session.output)
            self._session, self._loaded = None, False
            self._asked.clear()

    def _too_late(self, waiting: deque[tuple[Call, Given]]) -> Iterator[tuple[Call, Trouble]]:
        self.close()
        seconds = f"{self._use.total_seconds:g}"
        late = Trouble(
            f"there was no time for it: {seconds} s of processor time are shared by everything that is asked",
            fails=False,
            sort="unchecked",
        )
        return ((call, late) for call, _ in waiting)

    def _load(self, *, fresh: bool) -> Trouble | None:
        """Wait until the submission has been imported, where it is not yet; a trouble where it cannot be.

        Where its import has taken too long, that is begun anew, up to the line where it was.
        """
        before = self.seconds
        try:
            while isinstance(said := self._said(fresh=fresh), Stopped):
                for stop in said.stops:
                    told = explanation(stop.raised, self._copied.place)
                    if said.ended and (len(self._budget.ended) >= len(self._copied.cells) or stop.line < 1):
                        raise WorkerFailure(f"was stopped again: {told}")
                    (self._budget.ended if stop.ends else self._budget.passed)[stop.line] = told
                if not said.ended:
                    break
                self.close()
        except WorkerFailure as failure:
            if self._budget.used_up:
                raise
            return Trouble(f"while it was imported, the file {failure}", sort="unimportable")
        finally:
            self._importing += self.seconds - before
        if isinstance(said, Raised):
            why = explanation(said, self._copied.place)
            return Trouble(f"the file cannot be imported: {why}", sort="unimportable")
        return None

    def _said(self, *, fresh: bool) -> Imported:
        """What the worker says once it has imported the submission, in a new worker if there is none."""
        if self._session is None:
            self._session = Session(self._launch, self._limits)
        seconds = self._at_most(self._use.import_seconds + LATER)
        if not self._loaded:
            self._session.begin(
                FUNCTIONS,
                self._use.import_seconds,
                cells=self._copied.cells,
                passed=sorted(self._budget.passed),
                ends=sorted(self._budget.ended),
            )
            said = self._session.loaded(seconds)
            self._loaded = True
            if self._replaced:
                self._session.send(Message({"replace": self._replaced}))
            return said
        if fresh:
            self._session.send(Message({"fresh": True}), answers=1)
            return self._session.imported(seconds)
        return Loaded()

    def _at_most(self, seconds: float) -> float:
        """So many seconds, or what is left of all."""
        return min(seconds, self._budget.left)

    def _hand_over(self, calls: Iterable[tuple[Call, Given]]) -> None:
        """Ask for calls."""
        assert self._session is not None
        messages = []
        for call, given in calls:
            self._asked.append(next(self._numbers))
            request = {"call": (self._asked[-1], call.function, call.dtype), "arguments": given.arguments}
            messages.append(Message(request, given.packed))
        self._session.send(*messages, answers=len(messages))

    def _answer(self, call: Call) -> Any:
        """The answer to the first call that has none yet; raises WorkerFailure where there is none."""
        assert self._session is not None
        answered, arrays = self._session.receive(self._at_most(self._use.call_seconds), ANSWERED)
        try:
            if answered.call != self._asked.popleft():
                raise NoMessageError("this answers another call")
            found = rebuild(answered.answer, arrays, call.function, self._copied.place)
        except NoMessageError as error:
            raise WorkerFailure(NO_MESSAGE) from error
        if isinstance(found, Trouble) and found.sort == "missing":
            if ended := "; ".join(self._budget.ended.values()):
                return replace(found, cause=f"{found.cause} above the line where the file stops: {ended}")
            if passed := "; ".join(self._budget.passed.values()):
                return replace(found, cause=f"{found.cause}; what was passed over is not there: {passed}")
        return found


def _same_check(first: Call, second: Call) -> bool:
    return (first.function, first.dtype, first.check) == (second.function, second.dtype, second.check)
