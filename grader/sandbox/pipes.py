"""The pipes to and from a worker, read and written as far as they go without waiting for each other."""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO, Literal

MEBIBYTE = 2**20

READ_AT_ONCE = MEBIBYTE

Whence = Literal["answers", "printed"]


class Pipes(ABC):
    """The three pipes of a process: what it is sent, what it answers, what it prints."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send it, while answers are waited for; a reader that is gone is noticed when its answer is missing."""

    @abstractmethod
    def receive(self, seconds: float) -> Iterator[tuple[Whence, bytes]]:
        """What comes within that time at the latest, as soon as anything does; nothing at all at the end of a pipe."""

    @abstractmethod
    def close(self) -> None:
        """Close them; the process has ended."""


def pipes_of(process: subprocess.Popen[bytes]) -> Pipes:
    """The pipes of a process that has just begun."""
    return Threads(process) if sys.platform == "win32" else Selected(process)


def _streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr


class Selected(Pipes):
    """Pipes that can be waited for all at once."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._streams = _streams(process)
        self._requests, answers, printed = (stream.fileno() for stream in self._streams)
        self._whence: dict[int, Whence] = {answers: "answers", printed: "printed"}
        self._waiting = bytearray()
        self._selector = selectors.DefaultSelector()
        for descriptor in (self._requests, answers, printed):
            os.set_blocking(descriptor, False)
            _enlarge(descriptor)
        for descriptor in self._whence:
            self._selector.register(descriptor, selectors.EVENT_READ)

    def send(self, data: bytes) -> None:
        """As far as it goes now; the rest while answers are waited for."""
        self._waiting += data
        self._write()

    def receive(self, seconds: float) -> Iterator[tuple[Whence, bytes]]:
        """What can be read, from all that can be."""
        for key, _ in self._selector.select(seconds):
            if key.fd == self._requests:
                self._write()
                continue
            with contextlib.suppress(BlockingIOError):
                part = os.read(key.fd, READ_AT_ONCE)
                if not part:
                    self._selector.unregister(key.fd)
                yield self._whence[key.fd], part

    def close(self) -> None:
        """Close them."""
        self._selector.close()
        for stream in self._streams:
            with contextlib.suppress(OSError):
                stream.close()

    def _write(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._requests, self._waiting)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._waiting.clear()
        registered = self._requests in self._selector.get_map()
        if self._waiting and not registered:
            self._selector.register(self._requests, selectors.EVENT_WRITE)
        elif registered and not self._waiting:
            self._selector.unregister(self._requests)


def _enlarge(descriptor: int) -> None:
    """Give a pipe more room, where Linux does; else one side waits for the other more often."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, MEBIBYTE)


class Threads(Pipes):
    """Pipes of which each is waited for by a thread of its own: on Windows nothing else can be done."""

    # So many parts are read ahead of whoever receives them.
    AHEAD = 16

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._streams = _streams(process)
        requests, answers, printed = self._streams
        self._sent: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._came: queue.Queue[tuple[Whence, bytes]] = queue.Queue(self.AHEAD)
        self._closed = False
        self._threads = [
            threading.Thread(target=work, args=arguments, daemon=True)
            for work, *arguments in (
                (self._write, requests),
                (self._read, answers, "answers"),
                (self._read, printed, "printed"),
            )
        ]
        for thread in self._threads:
            thread.start()

    def send(self, data: bytes) -> None:
        """Leave it to the thread that writes."""
        self._sent.put(data)

    def receive(self, seconds: float) -> Iterator[tuple[Whence, bytes]]:
        """One thing that a thread has read: the end of a pipe is seen only by who has looked at all before it."""
        with contextlib.suppress(queue.Empty):
            yield self._came.get(timeout=seconds) if seconds > 0 else self._came.get_nowait()

    def close(self) -> None:
        """Wait for the threads, and close them."""
        self._closed = True
        self._sent.put(None)
        for thread in self._threads:
            while thread.is_alive():
                with contextlib.suppress(queue.Empty):  # so that a reader that waits for room goes on
                    self._came.get_nowait()
                thread.join(0.01)
        for stream in self._streams:
            with contextlib.suppress(OSError):
                stream.close()

    def _write(self, stream: IO[bytes]) -> None:
        while (data := self._sent.get()) is not None:
            with contextlib.suppress(OSError):
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(stream.fileno(), rest) :]

    def _read(self, stream: IO[bytes], whence: Whence) -> None:
        while not self._closed:
            try:
                part = os.read(stream.fileno(), READ_AT_ONCE)
            except OSError:
                part = b""
            self._came.put((whence, part))
            if not part:
                return
