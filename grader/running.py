"""Asking a submission: every call gets an answer, or a reason why there is none, whatever the submission does."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from grader.assignment import Assignment
from grader.calls import Call, Raised, Trouble, rebuild
from grader.sandbox.launch import Mode, launch
from grader.sandbox.session import MEBIBYTE, NO_MESSAGE, Limits, Session, WorkerFailure
from reference_impl.contract import FUNCTIONS, Array

KIBIBYTE = 1024

# An honest submission prints a little; this much, in bytes, is no accident.
MOST_PRINTED = 16 * MEBIBYTE


class Loaded(msgspec.Struct):
    """The functions that the worker has found."""

    functions: list[str]


class Runner:
    """A submission in its sandbox, which is started anew whenever it has to be stopped.

    outputs: what each worker has printed, once it has ended.
    """

    def __init__(
        self, assignment: Assignment, mode: Mode, folder: Path, main: str, adapter: Path | None, deadline: float
    ) -> None:
        """Start a worker, without waiting for it.

        deadline: until when, by time.monotonic(), calls are made at all. Raises
        `grader.sandbox.launch.SandboxError` where the sandbox does not work.
        """
        self._use, self._deadline = assignment.limits, deadline
        self._limits = Limits(
            cpu_seconds=self._use.cpu_seconds,
            memory_bytes=self._use.memory_mb * MEBIBYTE,
            processes=self._use.processes,
            file_bytes=self._use.file_mb * MEBIBYTE,
            output_bytes=MOST_PRINTED,
            kept_bytes=self._use.output_kb * KIBIBYTE,
        )
        self._launch = launch(mode, folder, main, adapter, scratch_bytes=self._limits.file_bytes)
        self._numbers: Array = np.zeros(0)
        self._replaced: dict[str, str] = {}
        self._session: Session | None = Session(self._launch, self._limits)
        self._functions: set[str] | None = None  # None: it has not been imported yet
        self.outputs: list[str] = []

    def give(self, numbers: Array) -> None:
        """Say what the arguments of calls refer to, before the first call."""
        self._numbers = numbers

    def replace(self, sources: dict[str, str]) -> None:
        """Put right functions, given as source texts, in the place of the submission's own, wherever it calls them."""
        self._replaced |= sources
        if self._session is not None and self._functions is not None:
            self._session.send({"replace": sources})
            self._functions |= set(sources)

    def ask(
        self,
        calls: Sequence[Call],
        arguments: Sequence[list[Any]],
        numbers: Array | None = None,
        *,
        fresh: bool = False,
    ) -> Iterator[tuple[Call, Any]]:
        """What each call gives, or a `Trouble`; those that cannot be made come before the others.

        numbers: what their arguments refer to, where that is not what `give` has handed over. fresh: the submission is
        imported anew before, so that nothing is remembered of earlier calls. Raises
        `grader.sandbox.launch.SandboxError` where the sandbox does not work.
        """
        waiting = deque(enumerate(calls))
        while waiting:
            if time.monotonic() >= self._deadline:
                seconds = f"{self._use.total_seconds:g}"
                late = Trouble(f"the {seconds} s for everything were used up", fails=False, sort="unchecked")
                yield from ((call, late) for _, call in waiting)
                return
            problem = self._start(fresh=fresh)
            if problem is not None:
                yield from ((call, problem) for _, call in waiting)
                return
            assert self._session is not None
            assert self._functions is not None
            for number, call in [item for item in waiting if item[1].function not in self._functions]:
                waiting.remove((number, call))
                yield call, Trouble(f"there is no function {call.function}", fails=False, sort="missing")
            request = [(number, call.function, call.dtype, arguments[number]) for number, call in waiting]
            self._session.send({"calls": request}, () if numbers is None else (numbers,), answers=len(request))
            try:
                while waiting:
                    yield waiting[0][1], self._receive(*waiting[0])
                    waiting.popleft()
            except WorkerFailure as failure:
                self.close()
                _, stopped = waiting.popleft()
                yield stopped, Trouble(f"{stopped.function} {failure}", sort="stopped")
                given_up = [item for item in waiting if _same_check(item[1], stopped)]
                for number, call in given_up:
                    waiting.remove((number, call))
                    yield call, Trouble("it was not called again", sort="unchecked")

    def close(self) -> None:
        """End the worker; what it printed is kept."""
        if self._session is not None:
            self._session.close()
            self.outputs.append(self._session.output)
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, *, fresh: bool) -> Trouble | None:
        """See to it that there is a worker that has imported the submission; a trouble where that cannot be."""
        try:
            if self._session is None:
                self._session, self._functions = Session(self._launch, self._limits), None
            if self._functions is None:
                said = self._session.start(FUNCTIONS, (self._numbers,), self._use.import_seconds)
                if self._replaced:
                    self._session.send({"replace": self._replaced})
            elif fresh:
                self._session.send({"fresh": True})
                said, _ = self._session.receive(self._use.import_seconds)
            else:
                return None
            try:
                if isinstance(said, dict) and "raised" in said:
                    raised = msgspec.convert(said, Raised)
                    return Trouble(f"the file cannot be imported: {raised.explanation()}", sort="unimportable")
                self._functions = {*msgspec.convert(said, Loaded).functions, *self._replaced}
            except msgspec.ValidationError as error:
                raise WorkerFailure(NO_MESSAGE) from error
        except WorkerFailure as failure:
            self.close()
            return Trouble(f"while it was imported, the file {failure}", sort="unimportable")
        return None

    def _receive(self, number: int, call: Call) -> Any:
        """The answer to a call; raises WorkerFailure where there is none."""
        assert self._session is not None
        message, arrays = self._session.receive(self._use.call_seconds)
        try:
            answered, described = message
            if answered != number:
                raise ValueError("this answers another call")
            return rebuild(described, arrays, call.function)
        except (ValueError, TypeError) as error:
            raise WorkerFailure(NO_MESSAGE) from error


def _same_check(first: Call, second: Call) -> bool:
    return (first.function, first.dtype, first.check) == (second.function, second.dtype, second.check)
