"""Asking a submission: every call gets an answer, or a reason why there is none, whatever the submission does."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from backproof.grader.assignment import Assignment
from backproof.grader.calls import NOT_AGAIN, Call, Trouble, explanation, rebuild
from backproof.grader.sandbox.launch import Mode, launch
from backproof.grader.sandbox.messages import ANSWERED, Imported, Loaded, NoMessageError, Stopped
from backproof.grader.sandbox.pipes import MEBIBYTE
from backproof.grader.sandbox.session import NO_MESSAGE, Closed, Limits, Session, WorkerFailure
from backproof.reference_impl.contract import FUNCTIONS, Array

KIBIBYTE = 1024

# An honest submission prints a little; this much, in bytes, is no accident.
MOST_PRINTED = 16 * MEBIBYTE

# So much later than the worker itself a file that goes on and on while it is imported is stopped from outside.
LATER = 1.0


class Budget:
    """What all runners of a submission share: the seconds that it may use, and how far it can be imported.

    Seconds are charged as in `grader.sandbox.session`: processor time, however busy the machine is. end, stopped: the
    line at which the import ends, and what stopped it there; 0 and empty where nothing did. unimportable: why it cannot
    be imported at all; that is tried once.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.runners: list[Runner] = []
        self.end, self.stopped = 0, ""
        self.unimportable: Trouble | None = None

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return max(self.seconds - sum(runner.seconds for runner in self.runners), 0)

    @property
    def used_up(self) -> bool:
        """Whether nothing is left."""
        return self.left == 0


class Runner(Closed):
    """A submission in its sandbox, which is started anew whenever it has to be stopped.

    outputs: what each worker has printed, once it has ended.
    """

    def __init__(
        self, assignment: Assignment, mode: Mode, folder: Path, main: str, adapter: Path | None, budget: Budget
    ) -> None:
        """Start a worker, without waiting for it. What it uses is charged to the budget.

        Raises `grader.sandbox.launch.SandboxError` where the sandbox does not work.
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
        self._launch = launch(mode, folder, main, adapter)
        self._numbers: Array = np.zeros(0)
        self._replaced: dict[str, str] = {}
        self._session: Session | None = Session(self._launch, self._limits)
        self._begun = self._loaded = False
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

    def give(self, numbers: Array) -> None:
        """Say what the arguments of calls refer to, before the first call."""
        self._numbers = numbers

    def replace(self, sources: dict[str, str]) -> None:
        """Put right functions, given as source texts, in the place of the submission's own, wherever it calls them."""
        self._replaced |= sources
        if self._session is not None and self._begun:
            self._session.send({"replace": sources})

    def ask(
        self,
        calls: Sequence[Call],
        arguments: Sequence[list[Any]],
        numbers: Array | None = None,
        *,
        seconds: float = math.inf,
        stops: float = math.inf,
        fresh: bool = False,
    ) -> Iterator[tuple[Call, Any]]:
        """What each call gives, or a `Trouble`; they are made at once, whenever it is that one looks at the answers.

        numbers: what their arguments refer to, where that is not what `give` has handed over. seconds: once so much
        has been charged for them, no more calls are made; nor are they once it had to be stopped so many times. fresh:
        the submission is imported anew before, so that nothing is remembered of earlier calls.

        Raises `grader.sandbox.launch.SandboxError` where the sandbox does not work.
        """
        waiting = deque(enumerate(calls))

        def send() -> None:
            self._send(waiting, arguments, () if numbers is None else (numbers,), fresh=fresh)

        if not self._budget.used_up:
            send()
        return self._answers(waiting, send, self.seconds_of_calls + seconds, stops)

    def close(self) -> None:
        """End the worker; what it printed is kept."""
        if self._session is not None:
            self._session.close()
            self._ended += self._session.seconds
            self.outputs.append(self._session.output)
            self._session = None

    def _send(
        self, waiting: deque[tuple[int, Call]], arguments: Sequence[list[Any]], numbers: Sequence[Array], *, fresh: bool
    ) -> None:
        """Send calls to a worker; to a new one, if there is none."""
        if self._session is None:
            self._session, self._begun = Session(self._launch, self._limits), False
        if not self._begun:
            self._session.begin(FUNCTIONS, (self._numbers,), self._use.import_seconds, self._budget.end)
            if self._replaced:
                self._session.send({"replace": self._replaced})
            self._begun, self._loaded = True, False
        elif fresh:
            self._session.send({"fresh": True})
        self._fresh = fresh and self._loaded
        # The same arguments serve for both precisions.
        different = {id(arguments[number]): arguments[number] for number, _ in waiting}
        places = {key: place for place, key in enumerate(different)}
        request = {
            "arguments": list(different.values()),
            "calls": [(number, call.function, call.dtype, places[id(arguments[number])]) for number, call in waiting],
        }
        self._session.send(request, numbers, answers=len(waiting))

    def _answers(
        self, waiting: deque[tuple[int, Call]], send: Callable[[], None], until: float, stops: float
    ) -> Iterator[tuple[Call, Any]]:
        while waiting:
            if self._budget.used_up:
                yield from self._too_late(waiting)
                return
            try:
                before = self.seconds
                self._budget.unimportable = self._budget.unimportable or self._finish_loading(send)
                self._importing += self.seconds - before
                if self._budget.unimportable:
                    self.close()
                    yield from ((call, self._budget.unimportable) for _, call in waiting)
                    return
                while waiting:
                    number, call = waiting[0]
                    if self.seconds_of_calls >= until or self._budget.used_up:
                        yield from self._too_late(waiting)
                        return
                    yield call, self._receive(number, call)
                    waiting.popleft()
            except WorkerFailure as failure:
                self.close()
                if self._budget.used_up:
                    continue
                _, stopped = waiting.popleft()
                yield stopped, Trouble(f"{stopped.function} {failure}", sort="stopped")
                stops -= 1
                for item in [item for item in waiting if stops < 1 or _same_check(item[1], stopped)]:
                    waiting.remove(item)
                    yield item[1], Trouble(NOT_AGAIN, sort="unchecked")
                if waiting and not self._budget.used_up:
                    send()

    def _too_late(self, waiting: deque[tuple[int, Call]]) -> Iterator[tuple[Call, Trouble]]:
        self.close()
        seconds = f"{self._use.total_seconds:g}"
        late = Trouble(
            f"there was no time for it: {seconds} s of processor time are shared by everything that is asked",
            fails=False,
            sort="unchecked",
        )
        return ((call, late) for _, call in waiting)

    def _finish_loading(self, send: Callable[[], None]) -> Trouble | None:
        """Wait until the submission has been imported, where it is not yet; a trouble where it cannot be.

        Where its import has taken too long, that is begun anew, up to the line where it was. send: what asks anew.
        """
        try:
            while isinstance(said := self._said(), Stopped):
                stopped = explanation(said.raised)
                if said.ended and (self._budget.end or said.end < 1):
                    raise WorkerFailure(f"was stopped again: {stopped}")
                self._budget.end, self._budget.stopped = said.end, stopped
                if not said.ended:
                    return None
                self.close()
                send()
        except WorkerFailure as failure:
            if self._budget.used_up:
                raise
            return Trouble(f"while it was imported, the file {failure}", sort="unimportable")
        if isinstance(said, Loaded):
            return None
        return Trouble(f"the file cannot be imported: {explanation(said)}", sort="unimportable")

    def _said(self) -> Imported:
        """What the worker says once it has imported the submission, or has said before."""
        assert self._session is not None
        if not self._loaded:
            said = self._session.loaded(self._at_most(self._use.import_seconds + LATER))
        elif self._fresh:
            said = self._session.imported(self._at_most(self._use.import_seconds + LATER))
        else:
            return Loaded()
        self._loaded, self._fresh = True, False
        return said

    def _at_most(self, seconds: float) -> float:
        """So many seconds, or what is left of all."""
        return min(seconds, self._budget.left)

    def _receive(self, number: int, call: Call) -> Any:
        """The answer to a call; raises WorkerFailure where there is none."""
        assert self._session is not None
        answered, arrays = self._session.receive(self._at_most(self._use.call_seconds), ANSWERED)
        try:
            if answered.call != number:
                raise NoMessageError("this answers another call")
            found = rebuild(answered.answer, arrays, call.function)
        except NoMessageError as error:
            raise WorkerFailure(NO_MESSAGE) from error
        if self._budget.stopped and isinstance(found, Trouble) and found.sort == "missing":
            stopped = f"above the line where the file stops: {self._budget.stopped}"
            return replace(found, cause=f"{found.cause} {stopped}")
        return found


def _same_check(first: Call, second: Call) -> bool:
    return (first.function, first.dtype, first.check) == (second.function, second.dtype, second.check)
