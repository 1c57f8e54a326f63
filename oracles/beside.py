"""Oracles that work beside this process: each in one of its own, so that all of them load and compute at once.

PyTorch and JAX take longer to load than to answer for a few hundred networks. A process of this kind is asked by stacks
of networks and answers with numbers; it never sees the implementation that is judged. It stays for as long as the
process that began it, and ends when that is gone.
"""

from __future__ import annotations

import atexit
import gc
import importlib.util
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO

from backproof.oracles.bounds import Arithmetic
from backproof.oracles.one_thread import xla_flags
from backproof.oracles.registry import ORACLES, load_oracle
from backproof.oracles.stack import ByStack, Flat, Stack

# Packages that take about a second to load.
SLOW = ("torch", "jax")

# Nothing is put before what this process imports from, and nothing of a project's folder is imported by accident.
PROGRAM = "import sys; sys.path[:] = {path!r}; from backproof.oracles.beside import serve; serve({name!r})"

# Each computes in one thread: there are as many processes as there is work for.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

_begun: dict[str, Beside] = {}


def begin(names: Sequence[str]) -> dict[str, Beside]:
    """Begin to load those of the oracles that take long and are not loaded here yet, without waiting for them."""
    return {name: _begun.get(name) or _begin(name) for name in names if name in _begun or _takes_long(name)}


def _takes_long(name: str) -> bool:
    package = ORACLES[name][2]
    return package in SLOW and package not in sys.modules and importlib.util.find_spec(package) is not None


def _begin(name: str) -> Beside:
    _begun[name] = Beside(name)
    return _begun[name]


class Beside(ByStack):
    """An oracle in a process of its own, which is there at once, and answers as soon as it can."""

    def __init__(self, name: str) -> None:
        """Start the process, without waiting for it."""
        self.name = name
        environment = ONE_THREAD | dict(os.environ) | {"XLA_FLAGS": xla_flags()}
        self._process = subprocess.Popen(  # noqa: S603 (this very Python)
            [sys.executable, "-P", "-c", PROGRAM.format(path=sys.path, name=name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )
        # The one thread that talks to it, so that a question waits for the answer to the one before.
        self._talking = ThreadPoolExecutor(1)
        self._loaded: Future[Arithmetic] = self._talking.submit(self._answer)
        atexit.register(self.close)

    @property
    def arithmetic(self) -> Arithmetic:
        """What the oracle rounds to.

        Raises whatever loading it raised, and RuntimeError where its process is gone.
        """
        return self._loaded.result()

    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack. Raises what the oracle raised, and RuntimeError where its process is gone."""
        return self._talking.submit(self._ask, pickled(stack)).result()

    def ahead(self, stacks: Sequence[Stack]) -> Iterator[Flat]:
        """The answers for some stacks, of which all are worked out while one looks at the first; raises as `flat`."""
        return _results([self._talking.submit(self._ask, pickled(stack)) for stack in stacks])

    def close(self) -> None:
        """End the process; whoever asks for the oracle afterwards gets another one."""
        if _begun.get(self.name) is self:
            del _begun[self.name]
        atexit.unregister(self.close)
        self._process.kill()
        self._process.wait()
        self._talking.shutdown(cancel_futures=True)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _ask(self, stack: bytes) -> Flat:
        assert self._process.stdin is not None
        try:
            _send(self._process.stdin, stack)
        except OSError as error:
            raise self._gone() from error
        found: Flat = self._answer()
        return found

    def _answer(self) -> Any:
        try:
            assert self._process.stdout is not None
            succeeded, answer = pickle.load(self._process.stdout)  # noqa: S301 (it runs no code but this project's)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            raise self._gone() from error
        if not succeeded:
            raise answer
        return answer

    def _gone(self) -> RuntimeError:
        """What to raise, once others who ask for the oracle get another process."""
        if _begun.get(self.name) is self:
            del _begun[self.name]
        return RuntimeError("the process that it worked in is gone (too little memory?)")


def _results(asked: list[Future[Flat]]) -> Iterator[Flat]:
    """The results in turn; whoever looks at no more of them has the rest not worked out."""
    try:
        for answer in asked:
            yield answer.result()
    finally:
        for answer in asked:
            answer.cancel()


def pickled(message: Any) -> bytes:
    """A message as it travels: whole, whatever becomes of the objects meanwhile in another thread."""
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def _send(stream: BinaryIO | Any, message: bytes) -> None:
    stream.write(message)
    stream.flush()


def serve(name: str) -> None:
    """What such a process does: load the oracle of that name, say what it rounds to, and answer until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began it is interrupted too, and decides
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    gc.disable()  # half a million objects, none of which is garbage
    try:
        oracle = load_oracle(name)
        answer: tuple[bool, Any] = True, oracle.arithmetic
    except (ImportError, RuntimeError, ValueError) as error:
        answer = False, error
    gc.freeze()
    gc.enable()
    try:
        _send(answers, pickled(answer))
        while True:
            stack = pickle.load(requests)  # noqa: S301 (from the process that began this one)
            try:
                answer = True, oracle.flat(stack)
            except Exception as error:
                answer = False, RuntimeError(f"{type(error).__name__}: {error}")
            _send(answers, pickled(answer))
    except (EOFError, OSError):
        os._exit(0)  # to take all of a framework down in order takes half a second
