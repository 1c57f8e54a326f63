"""A worker in its sandbox, seen from outside: requests go in, answers come out, each within its time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import msgspec

from backproof.grader.sandbox.clock import ProcessClock
from backproof.grader.sandbox.launch import Launch, SandboxError
from backproof.grader.sandbox.messages import IMPORTED, LOCKED, Imported, NoMessageError, Said, decode
from backproof.grader.sandbox.pipes import MEBIBYTE, READ_AT_ONCE, pipes_of
from backproof.grader.sandbox.system_calls import filter_program
from backproof.reference_impl.contract import Array

# A worker that is waited for longer is asked for its processor time at least so often, in seconds.
OFTEN = 0.05

# No honest answer is larger, nor what is said of it; and all answers together are far from that for each.
MOST_BYTES, MOST_BYTES_A_CALL = 2**16, 2**15

# By the clock on the wall, and far more than any machine takes to start Python.
START_SECONDS = 120

# How long a worker that answers no more may take to end, by the clock on the wall; and how many parts of what it
# printed last are looked at.
END_SECONDS, LAST_PARTS = 5, 16

NO_MESSAGE = "wrote into the channel that its answers go through, and was stopped"


class Message(NamedTuple):
    """What is sent: anything that JSON can say, and arrays, packed."""

    content: Any
    packed: bytes = b""


def _encoded(message: Message) -> bytes:
    text, packed = msgspec.json.encode(message.content), message.packed
    return len(text).to_bytes(4, "little") + len(packed).to_bytes(4, "little") + text + packed


class WorkerFailure(Exception):  # noqa: N818
    """The worker gave no answer, and is gone; the message says why, in a phrase that follows the function's name."""


@dataclass(frozen=True)
class Limits:
    """What a worker may use, in its life or at once.

    seconds of processor time, how many times as long it may take by the clock on the wall, bytes of memory, processes
    and threads, and bytes of printed text, of which the first `kept_bytes` are kept. Files it may not write.
    """

    cpu_seconds: int
    wall_factor: float
    memory_bytes: int
    processes: int
    output_bytes: int
    kept_bytes: int

    def resources(self) -> dict[str, tuple[int, int]]:
        """The limits for setrlimit(2), soft and hard."""
        return {
            "RLIMIT_CPU": (self.cpu_seconds, self.cpu_seconds + 1),
            "RLIMIT_AS": (self.memory_bytes, self.memory_bytes),
            "RLIMIT_NPROC": (self.processes, self.processes),
            "RLIMIT_FSIZE": (0, 0),
            "RLIMIT_NOFILE": (64, 64),
            "RLIMIT_CORE": (0, 0),
        }


class Closed(ABC):
    """Something that is closed when a `with` statement ends."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Session(Closed):
    """One worker, from its start to its end."""

    def __init__(self, launch: Launch, limits: Limits) -> None:
        """Start the process, without waiting for it. Raises SandboxError where it cannot even be started."""
        self._limits, self._uid = limits, launch.uid
        self._launch = launch
        try:
            self._process = subprocess.Popen(  # noqa: S603 (the command is `launch`'s)
                launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=launch.environment,
                cwd=launch.folder,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise SandboxError(f"{launch.command[0]} cannot be started: {error.strerror}") from error
        self._pipes = pipes_of(self._process)
        self._received, self._read = bytearray(), 0
        self._budget = 0
        self._output, self._output_bytes = bytearray(), 0
        self._clock: ProcessClock | None = None
        self._seconds = self._computed = 0.0
        self._ended = False

    @property
    def seconds(self) -> float:
        """What it is charged until now, since it has been locked down.

        That is its processor time; or, while it was waited for and rather waited itself, the time that passed, divided
        by the `wall_factor` of its limits.
        """
        before = self._computed
        self._seconds += self._look_at_clock() - before
        return self._seconds

    @property
    def output(self) -> str:
        """The beginning of what was printed until now, with what was left out told at its end."""
        left_out = self._output_bytes - len(self._output)
        text = self._output.decode("utf-8", "replace")
        return f"{text}\n[{left_out} more bytes were printed]" if left_out else text

    def begin(
        self,
        names: Sequence[str],
        import_seconds: float,
        *,
        cells: Sequence[int] = (1,),
        passed: Sequence[int] = (),
        ends: Sequence[int] = (),
    ) -> None:
        """Have the worker lock itself down, and import the submission; `loaded` waits for that.

        names: of the functions to look for. cells: the lines of its main file with which cells begin, to be run one by
        one. passed: lines of statements to leave out; ends: lines to stop at, each in its cell.
        """
        setup = {
            "limits": self._limits.resources() if self._launch.confined else {},
            "uid": self._uid,
            "readable": self._launch.readable,
            "filter": filter_program().hex() if self._launch.confined else "",
            "root": os.fsencode(self._launch.root).hex(),
            "main": os.fsencode(self._launch.main).hex(),  # whose name may be no text
            "adapter": self._launch.adapter,
            "names": list(names),
            "seconds": [import_seconds, import_seconds * self._limits.wall_factor],
            "cells": list(cells),
            "passed": list(passed),
            "ends": list(ends),
        }
        self.send(Message(setup), answers=2)

    def loaded(self, import_seconds: float) -> Imported:
        """What the worker says of the submission, once it has begun.

        Raises SandboxError where the sandbox does not come to life, and WorkerFailure where the submission does not
        survive being imported.
        """
        try:
            self.receive(START_SECONDS / self._limits.wall_factor, LOCKED)
        except WorkerFailure as failure:
            said = self.output.strip().splitlines() or [str(failure)]
            raise SandboxError(
                f"the sandbox does not work here: {said[-1]} (--sandbox limits does without {self._launch.command[0]})"
            ) from failure
        self._clock, self._seconds = ProcessClock(self._process.pid), 0.0
        return self.imported(import_seconds)

    def imported(self, seconds: float) -> Imported:
        """What the worker says of the submission, once that has been imported anew; raises WorkerFailure."""
        return self.receive(seconds, IMPORTED)[0]

    def send(self, *messages: Message, answers: int = 0) -> None:
        """Send requests, to which so many answers are expected; they are written while those are waited for."""
        self._budget += answers * MOST_BYTES_A_CALL
        self._pipes.send(b"".join(map(_encoded, messages)))

    def receive(self, seconds: float, expected: msgspec.json.Decoder[Said]) -> tuple[Said, list[Array]]:
        """The next message, one of those expected, and its arrays, plain ones made here.

        Raises WorkerFailure where none comes in that many seconds of processor time, or as many times longer as the
        limits say by the clock on the wall; or what comes is no message.
        """
        if self._frame_size() is None:
            self._pump(0)
        charged, before, begun = self.seconds, self._computed, time.monotonic()
        while (frame := self._frame()) is None:
            self._pump(min(OFTEN, seconds / 4))
            used = self._look_at_clock() - before
            waited = (time.monotonic() - begun) / self._limits.wall_factor
            self._seconds = charged + max(used, waited)
            if max(used, waited) >= seconds and self._frame_size() is None:
                self._seconds, self._clock = charged + seconds, None  # and not how much later that was noticed
                self._fail(self._why_it_is_stopped(seconds, computes=used >= seconds))
        try:
            return decode(*frame, expected)
        except NoMessageError as error:
            raise self._not_a_message() from error

    def close(self) -> None:
        """End the worker, and everything that it has started."""
        if not self._ended:
            self._ended = True
            self._seconds, self._clock = self.seconds, None  # the number of its process may be another's from now on
            if sys.platform != "win32":
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait()
            self._pipes.close()

    def _look_at_clock(self) -> float:
        """The worker's processor time until now."""
        if self._clock is not None:
            self._computed = self._clock.seconds()
        return self._computed

    def _frame_size(self) -> int | None:
        """How long the next message is, where all of it is here."""
        have = len(self._received) - self._read
        if have < 8:
            return None
        lengths = self._received[self._read : self._read + 8]
        size = 8 + int.from_bytes(lengths[:4], "little") + int.from_bytes(lengths[4:], "little")
        if size > min(MOST_BYTES, self._budget):
            raise self._not_a_message()
        return size if have >= size else None

    def _frame(self) -> tuple[bytes, bytes] | None:
        """The next message's text and packed arrays, where all of it is here."""
        size = self._frame_size()
        if size is None:
            return None
        start = self._read + 8
        middle = start + int.from_bytes(self._received[self._read : self._read + 4], "little")
        self._read += size
        self._budget -= size
        frame = bytes(self._received[start:middle]), bytes(self._received[middle : self._read])
        if self._read > READ_AT_ONCE:
            del self._received[: self._read]
            self._read = 0
        return frame

    def _pump(self, seconds: float) -> None:
        """Wait until something comes, and take it."""
        for whence, part in self._pipes.receive(seconds):
            if whence == "printed":
                self._keep_output(part)
            elif part:
                self._received += part
            else:
                self._fail(self._why_it_ended())

    def _keep_output(self, part: bytes) -> None:
        """Keep the beginning of what is printed."""
        self._output_bytes += len(part)
        self._output += part[: max(self._limits.kept_bytes - len(self._output), 0)]
        if self._output_bytes > self._limits.output_bytes:
            self._fail(f"printed more than {self._limits.output_bytes // MEBIBYTE} MiB and was stopped")

    def _why_it_ended(self) -> str:
        """What the process died of, in a phrase."""
        try:
            status = self._process.wait(timeout=END_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed the channel that its answers go through"
        number = -status if status < 0 else status - 128  # bubblewrap adds 128, as shells do
        name = next((each.name for each in signal.Signals if each == number), "")
        if name == "SIGXCPU":
            return f"used up its {self._limits.cpu_seconds} s of processor time and was stopped"
        if name == "SIGKILL":
            return "was killed, for using too much memory or processor time"
        if name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL"):
            return f"crashed Python ({signal.strsignal(number)}): does a function call itself without end?"
        if name:
            return f"was ended by a signal ({signal.strsignal(number)})"
        return f"ended the whole program (exit status {status}), as os._exit does"

    def _why_it_is_stopped(self, seconds: float, *, computes: bool) -> str:
        if computes:
            return f"took longer than {seconds:g} s of processor time and was stopped: is there a loop that never ends?"
        wall = f"{seconds * self._limits.wall_factor:g} s"
        return f"gave no answer within {wall}, did little meanwhile, and was stopped: does it sleep, or wait?"

    def _not_a_message(self) -> WorkerFailure:
        self.close()
        return WorkerFailure(NO_MESSAGE)

    def _fail(self, why: str) -> None:
        """End the worker, read what it printed last, and raise."""
        for _ in range(LAST_PARTS):
            for whence, part in self._pipes.receive(0):
                if whence == "printed" and self._output_bytes <= self._limits.output_bytes:
                    self._output_bytes += len(part)
                    self._output += part[: max(self._limits.kept_bytes - len(self._output), 0)]
        self.close()
        raise WorkerFailure(why)
