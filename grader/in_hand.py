"""A submission that is no file: functions of a notebook's cells, checked in this process, with a practice key."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from backproof.grader.calls import Call, Given, Trouble
from backproof.grader.sandbox.worker import argument_of, unpack
from backproof.oracles.comparison import Problem
from backproof.verification.given import in_hand
from backproof.verification.implementation import load_implementation, no_function
from backproof.verification.wording import plain

Namespace = MutableMapping[str, Any]


class InHand:
    """What somebody has in hand, and trusts: it answers as a submission does, and nothing keeps it from anything."""

    def __init__(self, source: str) -> None:
        """source: by `verification.given`. Raises CouldNotLoadError where it has none of the contract's functions."""
        self._made = load_implementation(source)
        self._right: dict[str, Any] = {}
        self._begun, self._at = time.process_time(), time.monotonic()
        self._spaces = list(_namespaces(in_hand(source), self._made.functions.values()))
        self.outputs: list[str] = []

    @property
    def seconds(self) -> float:
        """What this process has computed since, or a fifth of what passed, for whoever sleeps."""
        return max(time.process_time() - self._begun, (time.monotonic() - self._at) / 5)

    @property
    def seconds_of_calls(self) -> float:
        """The same."""
        return self.seconds

    def replace(self, sources: dict[str, str]) -> None:
        """Put right functions, given as source texts, in the place of its own, wherever these are called from."""
        for name, text in sources.items():
            namespace: dict[str, Any] = {"np": np}
            exec(compile(text, f"<the right {name}>", "exec", dont_inherit=True), namespace)  # noqa: S102 (our own text)
            self._right[name] = namespace[name]

    def ask(
        self,
        calls: Sequence[Call],
        given: Sequence[Given],
        *,
        seconds: float = math.inf,
        stops: float = math.inf,  # noqa: ARG002 (nothing is stopped)
        fresh: bool = False,  # noqa: ARG002 (nothing is imported)
    ) -> Iterator[tuple[Call, Any]]:
        """What each call gives, or a `Trouble`. seconds: once so much was computed, no more calls are made."""
        until = self.seconds + seconds
        for call, arguments in zip(calls, given, strict=True):
            late = Trouble("there was no time for it", fails=False, sort="unchecked")
            yield call, self._answer(call, arguments) if self.seconds < until else late

    def _answer(self, call: Call, given: Given) -> Any:
        if call.function not in self._made.functions:
            return Trouble(no_function(call.function), fails=False, sort="missing")
        numbers = unpack(given.packed)["0"]
        arguments = [argument_of(each, numbers, call.dtype) for each in msgspec.json.decode(given.arguments)]
        with self._replaced(), self._made.at_work():
            result = self._made.call(call.function, arguments)
        return self._trouble(call.function, result) if isinstance(result, Problem) else result

    def _trouble(self, function: str, found: Problem) -> Trouble:
        cause = plain(found.cause)
        if not found.fails:
            return Trouble(cause, fails=False, sort="unwritten")
        return Trouble(cause, sort="changed" if cause.startswith(f"{function} changed") else "raised")

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        """Right functions are where its own are looked up by their names, or missed; then all is as it was."""
        own = [{name: space[name] for name in self._right if name in space} for space in self._spaces]
        try:
            for space in self._spaces:
                space.update(self._right)
            yield
        finally:
            for space, before in zip(self._spaces, own, strict=True):
                for name in self._right.keys() - before.keys():
                    del space[name]
                space.update(before)

    def __enter__(self) -> InHand:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _namespaces(given: object, functions: Iterable[Any]) -> Iterable[Namespace]:
    """Where functions look up others by their names: what was given, if it is a mapping, and what they were made in."""
    found = {id(given): given} if isinstance(given, MutableMapping) else {}
    for function in functions:
        inner: Any = function
        while inner is not None:
            if isinstance(space := getattr(inner, "__globals__", None), dict):
                found[id(space)] = space
            inner = getattr(inner, "__wrapped__", None) or getattr(inner, "func", None)
    return found.values()
