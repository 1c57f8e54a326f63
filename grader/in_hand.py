"""A submission that is no file: functions of a notebook's cells, checked in this process, with a practice key."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from backproof.grader.calls import Call, Given, Trouble
from backproof.grader.sandbox.worker import argument_of, unpack
from backproof.oracles.comparison import Problem
from backproof.verification.implementation import load_implementation, no_function


class InHand:
    """What somebody has in hand, and trusts: it answers as a submission does, and nothing keeps it from anything."""

    def __init__(self, source: str) -> None:
        """source: by `verification.given`. Raises CouldNotLoadError where it has none of the contract's functions."""
        self._made = load_implementation(source)
        self._right: dict[str, Any] = {}
        self._begun = time.process_time()
        self.outputs: list[str] = []

    @property
    def seconds(self) -> float:
        """What this process has computed since."""
        return time.process_time() - self._begun

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
        replaced = self._put(self._right)
        try:
            with self._made.at_work():
                result = self._made.call(call.function, arguments)
        finally:
            for namespace, name, own in replaced:
                namespace[name] = own
        return self._trouble(call.function, result) if isinstance(result, Problem) else result

    def _trouble(self, function: str, found: Problem) -> Trouble:
        if not found.fails:
            return Trouble(found.cause, fails=False, sort="unwritten")
        return Trouble(found.cause, sort="changed" if found.cause.startswith(f"{function} changed") else "raised")

    def _put(self, right: dict[str, Any]) -> list[tuple[dict[str, Any], str, Any]]:
        """Put functions where its own are looked up by their names; what was there, to be put back."""
        spaces = {id(space): space for f in self._made.functions.values() if (space := getattr(f, "__globals__", None))}
        replaced = [(space, name, space[name]) for space in spaces.values() for name in right if name in space]
        for space, name, _ in replaced:
            space[name] = right[name]
        return replaced

    def __enter__(self) -> InHand:
        return self

    def __exit__(self, *_: object) -> None:
        pass
