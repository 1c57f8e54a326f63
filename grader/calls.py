"""Calls to a submission: what is handed to it, and what of its answers is rebuilt outside of the sandbox.

A submission meets the very contract that every other implementation meets (`verification.implementation`): the same
arguments, and the same words for what it should not have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from backproof.grader.key import Key, asked_case
from backproof.grader.networks import Network, whole
from backproof.grader.submission import plain
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import arguments_of, say_changed

# Why there is no answer: the function raised; it changed what it was given; it had to be stopped, or ended the program;
# the file cannot be imported; the function is not there, or says that it is not written yet; it was never called.
Sort = Literal["raised", "changed", "stopped", "unimportable", "missing", "unwritten", "unchecked"]


# Why there is no answer of a check in which another call had to be stopped.
NOT_AGAIN = "it was not called again"


@dataclass(frozen=True)
class Trouble(Problem):
    """A problem, with its sort."""

    sort: Sort = "raised"


class Raised(msgspec.Struct):
    """An error in the submission, as the worker tells it."""

    raised: str
    message: str
    line: int
    unimplemented: bool

    def explanation(self) -> str:
        """The error's type, line and message."""
        where = f" in line {self.line}" if self.line else ""
        because = f": {plain(self.message)}" if self.message else ""
        return f"{plain(self.raised)}{where}{because}"


class Call(NamedTuple):
    """One call. check: calls of one check are given up together, where one of them has to be stopped."""

    function: str
    number: int
    dtype: str
    check: str


@dataclass(frozen=True)
class Described:
    """An array that did not cross the boundary: its dtype is not one that may, or it is too large."""

    shape: tuple[int, ...]
    dtype: str


# As many as NumPy's arrays can have.
MOST_DIMENSIONS = 64


class Arguments:
    """The arguments of calls, as the worker takes them: references into one array of all numbers."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []
        self._places: dict[int, tuple[int, ...]] = {}
        self._used = 0

    @property
    def numbers(self) -> Array:
        """All the numbers that are referred to."""
        return np.concatenate([array.ravel() for array in self._arrays]) if self._arrays else np.zeros(0)

    def of(self, function: str, network: Network, prediction: Array) -> list[Any]:
        """What the contract gives to a function for a network; prediction: what the loss is asked about."""
        case = asked_case(function, network)
        integers = {id(array) for array in whole(network, case)}
        return [self._describe(argument, integers) for argument in arguments_of(function, case, prediction)]

    def _describe(self, argument: Any, integers: set[int]) -> Any:
        if isinstance(argument, np.ndarray):
            place = self._place(argument)
            return {"whole": place} if id(argument) in integers else place
        if isinstance(argument, list) and isinstance(argument[0], np.ndarray):
            return {"list": [self._describe(part, integers) for part in argument]}
        return {"value": argument}

    def _place(self, array: Array) -> tuple[int, ...]:
        """Where an array's numbers begin, and its shape; the same array is there once."""
        place = self._places.get(id(array))
        if place is None:
            self._arrays.append(array)  # and so nothing else gets its id
            place = self._places[id(array)] = self._used, *array.shape
            self._used += array.size
        return place


def arguments_for(key: Key, call: Call) -> list[Any]:
    """The arguments of a call as arrays, as the worker makes them of the references."""
    network = key.networks[call.number]
    case = asked_case(call.function, network)
    integers = {id(array) for array in whole(network, case)}

    def made(argument: Any) -> Any:
        if isinstance(argument, list):
            return [made(part) for part in argument]
        if not isinstance(argument, np.ndarray):
            return argument
        return argument.astype(np.int64 if id(argument) in integers else call.dtype)

    return [made(argument) for argument in arguments_of(call.function, case, key.predictions[call.number])]


def rebuild(message: Any, arrays: Sequence[Array], function: str) -> Any:
    """What a call gave: arrays, lists and tuples of them, floats, stand-ins for anything else, or a `Trouble`.

    Raises ValueError where the message is none that the worker sends.
    """
    try:
        if "result" in message:
            return _rebuild(message["result"], arrays)
        if "missing" in message:
            return Trouble(f"there is no function {function}", fails=False, sort="missing")
        if "changed" in message:
            return Trouble(say_changed(function, sorted(set(message["changed"]))), sort="changed")
        return _raised(message, function)
    except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
        raise ValueError("this is no answer") from error


def _rebuild(described: Any, arrays: Sequence[Array]) -> Any:
    if isinstance(described, int):
        return arrays[described]
    if isinstance(described, list):
        kind, *parts = described
        return {"list": list, "tuple": tuple}[kind](_rebuild(part, arrays) for part in parts)
    if "number" in described:
        return float(arrays[described["number"]])
    if "shape" in described:
        if len(described["shape"]) > MOST_DIMENSIONS:
            raise TypeError("no array has so many dimensions")
        return Described(tuple(map(int, described["shape"])), plain(described["dtype"]))
    name = plain(described["type"])
    return type(f"{name} of {int(described['length'])}" if "length" in described else name, (), {})()


def _raised(message: dict[str, Any], function: str) -> Trouble:
    raised = msgspec.convert(message, Raised)
    if raised.unimplemented:
        why = f"{function} is not written yet: it raises {raised.explanation()}"
        return Trouble(why, fails=False, sort="unwritten")
    if raised.raised == "MemoryError":
        return Trouble(f"{function} ran out of memory", sort="raised")
    return Trouble(f"{function} raised {raised.explanation()}", sort="raised")
