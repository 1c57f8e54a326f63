"""Processes that work for this one and are watched by it: what they ask, when it takes too long, how they end."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.context import BaseContext
from typing import Any, Literal, NamedTuple

import msgspec

from backproof.oracles.case import DTYPES
from backproof.oracles.one_thread import use_one_thread
from backproof.oracles.registry import ORACLES
from backproof.reference_impl.contract import FUNCTIONS
from backproof.verification.campaign import CouldNotRunError, Limits, Progress
from backproof.verification.garbage import look_seldom
from backproof.verification.implementation import CouldNotLoadError
from backproof.verification.place import CALLS, DTYPE, FUNCTION, IMPORTED, NETWORK, NUMBERS, Place

# How often this process looks at the others, in seconds, and how long it waits for one that has been interrupted.
INTERVAL, PATIENCE = 0.2, 10

# Signals by which anybody may end a process: it is not the implementation's doing, unless it happens again.
FROM_OUTSIDE = (-signal.SIGTERM, -9)


class Message(msgspec.Struct):
    """What such a process tells, as JSON: nothing that comes from an implementation's process is ever run here.

    kind: what it does now, that networks were judged, what a user should know, or how its work ended. text: of that;
    error: the name of its type. number: of networks. missing, files, declared: of an implementation.
    """

    kind: Literal["stage", "judged", "note", "done", "failed"]
    text: str = ""
    error: str = ""
    number: int = 0
    missing: tuple[str, ...] = ()
    files: dict[str, str] = {}
    declared: tuple[str, ...] = ()


# Some work: it is told where to say what it asks about, and whom to tell; and returns what is told at its end.
Work = Callable[..., Message]


class Asked(NamedTuple):
    """What a process was asking: a function, about the network of that number in the part, in a dtype."""

    network: int
    dtype: str
    function: str

    @classmethod
    def of(cls, place: Place) -> Asked | None:
        """What is asked at a place; None where that is nothing."""
        numbers = place.numbers.tolist()
        if not numbers[FUNCTION]:
            return None
        if numbers[FUNCTION] == IMPORTED:
            return cls(-1, "", "")
        return cls(numbers[NETWORK], DTYPES[numbers[DTYPE] - 1], FUNCTIONS[numbers[FUNCTION] - 1])


class EndedError(Exception):
    """A process ended, or had to be ended, before its work was done: how, in a phrase, and what it asked.

    by_others: it may have been anybody who ended it.
    """

    def __init__(self, how: str, asked: Asked | None, *, by_others: bool) -> None:
        super().__init__(how)
        self.how, self.asked, self.by_others = how, asked, by_others


class Worker:
    """A process that works, and what is known of it."""

    def __init__(self, context: BaseContext, limits: Limits) -> None:
        """Begin one."""
        memory = context.RawArray("q", NUMBERS)
        self.place = _shared(memory)
        self._limits, self._seen, self._since = limits, (0, 0), time.monotonic()
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, memory), daemon=True)  # type: ignore[attr-defined]
        self.process.start()
        theirs.close()

    def begin(self, work: Work, *arguments: Any) -> None:
        """Have it do something, once it is done with what it does."""
        with contextlib.suppress(OSError):  # it is gone, which is seen where its answer is awaited
            self.connection.send((work, arguments))

    def asked(self) -> Asked | None:
        """What it asks now."""
        return Asked.of(self.place)

    def messages(self) -> Iterator[Message]:
        """What it has told since. Raises EndedError where it has ended, or one call has taken too long."""
        try:
            while self.connection.poll():
                message = msgspec.json.decode(self.connection.recv_bytes(), type=Message)
                if message.error == KeyboardInterrupt.__name__:  # this process interrupts none that it listens to
                    asked = self.asked()
                    self.end()
                    raise EndedError(f"raised {message.error}", asked, by_others=True)
                yield message
            if not self.process.is_alive() and not self.connection.poll():
                raise EOFError
        except (EOFError, OSError, msgspec.DecodeError):
            self.process.join(PATIENCE)
            self.end()
            code = self.process.exitcode or 0
            raise EndedError(_how_ended(code), self.asked(), by_others=code in FROM_OUTSIDE) from None
        now, seen = time.monotonic(), (self.place.numbers[CALLS], self.place.numbers[FUNCTION])
        if seen != self._seen or not seen[1]:
            self._seen, self._since = seen, now
        elif now - self._since > self._limits.call:
            asked = self.asked()
            self.end()
            raise EndedError(f"took more than {self._limits.call:g} s", asked, by_others=False)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()

    def interrupt(self) -> None:
        """Have it leave what it does, keep what it has, and end."""
        self.process.terminate()
        self.process.join(PATIENCE)
        self.end()


def look_at(workers: Sequence[Worker]) -> None:
    """Wait until one of them has something to tell, but not for long."""
    multiprocessing.connection.wait([worker.connection for worker in workers], timeout=INTERVAL)


def tell(message: Message, progress: Progress) -> None:
    """Pass on what a process tells while it works."""
    if message.kind == "stage":
        progress.stage(message.text)
    elif message.kind == "judged":
        progress.judged(message.number)
    elif message.kind == "note":
        progress.note(message.text)
    elif message.kind == "failed":
        raise _error(message)


def _error(message: Message) -> BaseException:
    """What was raised in another process."""
    for known in (CouldNotLoadError, CouldNotRunError):
        if message.error == known.__name__:
            return known(message.text)
    return CouldNotRunError(f"{message.error}: {message.text}")


def _how_ended(code: int) -> str:
    """What a process did that has this exit code, as a verb."""
    if code >= 0:
        return f"ended the process (exit status {code})"
    with contextlib.suppress(ValueError):
        return f"crashed the process ({signal.Signals(-code).name})"
    return f"crashed the process (signal {-code})"


class _Telling(Progress):
    """Tells another process."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, message: Message) -> None:
        """Tell it this."""
        self._connection.send_bytes(msgspec.json.encode(message))

    def stage(self, text: str) -> None:
        """What is being done now."""
        self.send(Message("stage", text))

    def judged(self, networks: int = 1) -> None:
        """So many more networks have been judged."""
        self.send(Message("judged", number=networks))

    def note(self, text: str) -> None:
        """Something happened that a user should know about."""
        self.send(Message("note", text))


def _shared(memory: Any) -> Place:
    return Place(memoryview(memory).cast("B").cast("q"))


def _serve(connection: Any, memory: Any) -> None:
    """What such a process does: work, one thing after the other, until nobody asks."""
    be_a_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began it is interrupted too, and decides
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place, telling = _shared(memory), _Telling(connection)
    while True:
        try:
            work, arguments = connection.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            message = work(*arguments, place, telling)
        except BaseException as error:
            message = Message("failed", str(error), type(error).__name__)
        telling.send(message)


def contexts(oracles: Sequence[str]) -> BaseContext:
    """How processes begin that judge, as in `contexts_with`. oracles: those that they need."""
    return contexts_with(["backproof.verification.execution", *(ORACLES[oracle][0] for oracle in oracles)])


def contexts_with(modules: Sequence[str]) -> BaseContext:
    """How processes begin: where that can be done, forked off one that has only loaded what all of them need.

    So they begin at once, and share that memory. modules: what is among it.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    return context


def be_a_worker() -> None:
    """One of several processes on a machine: XLA too computes in one thread, and nobody outlives who began it."""
    look_seldom()
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    use_one_thread()


def _leave_with_parent() -> None:
    """End this process as soon as its parent has; one that is killed tells nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
