"""Calls to a submission: what is handed to it, and what of its answers is rebuilt outside of the sandbox.

A submission meets the very contract that every other implementation meets (`verification.implementation`): the same
arguments, and the same words for what it should not have given.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from safetensors.numpy import save

from backproof.grader.key import Key, asked_case
from backproof.grader.networks import Network, whole
from backproof.grader.sandbox.messages import (
    Answer,
    Changed,
    Missing,
    NoMessageError,
    OtherArray,
    PlainArray,
    PlainFloat,
    PlainList,
    PlainTuple,
    Raised,
    Result,
    Value,
)
from backproof.grader.sandbox.worker import MOST_VALUES
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import arguments_of, names_of_arguments, say_changed
from backproof.verification.wording import plain

# Why there is no answer: the function raised; it changed what it was given; it had to be stopped, or ended the program;
# the file cannot be imported; the function is not there, or says that it is not written yet; it was never called.
Sort = Literal["raised", "changed", "stopped", "unimportable", "missing", "unwritten", "unchecked"]


# So many types of the submission's own are told apart in an answer: each takes memory, and only the first is ever told.
MOST_TYPES = 8

# Why there is no answer of a check in which another call had to be stopped.
NOT_AGAIN = "it was not called again"


@dataclass(frozen=True)
class Trouble(Problem):
    """A problem, with its sort."""

    sort: Sort = "raised"


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


class Given(NamedTuple):
    """What a call is given, as the worker takes it: arguments in JSON that refer to one array of all their numbers."""

    arguments: msgspec.Raw
    packed: bytes


def given_to(function: str, network: Network, prediction: Array) -> Given:
    """What the contract gives to a function for a network; prediction: what the loss is asked about."""
    case = asked_case(function, network)
    integers = {id(array) for array in whole(network, case)}
    arrays: list[Array] = []

    def described(argument: Any) -> Any:
        if isinstance(argument, np.ndarray):
            place = sum(array.size for array in arrays), *argument.shape
            arrays.append(argument)
            return {"whole": place} if id(argument) in integers else place
        if isinstance(argument, list) and isinstance(argument[0], np.ndarray):
            return {"list": [described(part) for part in argument]}
        return {"value": argument}

    arguments = [described(argument) for argument in arguments_of(function, case, prediction)]
    return Given(
        msgspec.Raw(msgspec.json.encode(arguments)), save({"0": np.concatenate([array.ravel() for array in arrays])})
    )


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


Place = Callable[[int], str]


def in_line(line: int) -> str:
    """A line of a file, as a student finds it."""
    return f"line {line}"


def rebuild(answer: Answer, arrays: Sequence[Array], function: str, place: Place = in_line) -> Any:
    """What a call gave: arrays, lists and tuples of them, floats, stand-ins for anything else, or a `Trouble`.

    place: says where a line is.

    Raises NoMessageError where the answer has more values than it may, or arrays that are not there.
    """
    if isinstance(answer, Result):
        return _Rebuilding(arrays).value(answer.value)
    if isinstance(answer, Missing):
        return Trouble(f"there is no function {function}", fails=False, sort="missing")
    if isinstance(answer, Changed):
        if max(answer.arguments) >= len(names_of_arguments(function)):
            raise NoMessageError("this is no answer: an argument that is not there")
        return Trouble(say_changed(function, sorted(set(answer.arguments))), sort="changed")
    if answer.unimplemented:
        why = f"{function} is not written yet: it raises {explanation(answer, place)}"
        return Trouble(why, fails=False, sort="unwritten")
    if answer.type == "MemoryError":
        return Trouble(f"{function} ran out of memory", sort="raised")
    return Trouble(f"{function} raised {explanation(answer, place)}", sort="raised")


def explanation(raised: Raised, place: Place = in_line) -> str:
    """An error's type, line and message."""
    where = f" in {place(raised.line)}" if raised.line else ""
    because = f": {plain(raised.message)}" if raised.message else ""
    return f"{plain(raised.type)}{where}{because}"


class _Rebuilding:
    """Rebuilds one answer, of no more values than it may have, and with few types of others' among them."""

    def __init__(self, arrays: Sequence[Array]) -> None:
        self._arrays, self._values, self._types = arrays, 0, set[str]()

    def value(self, described: Value) -> Any:
        """What is described."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise NoMessageError("this is no answer: it has too many values")
        if isinstance(described, PlainArray):
            return self._array(described.number)
        if isinstance(described, PlainFloat):
            number = self._array(described.number)
            if number.shape or number.dtype != "float64":
                raise NoMessageError("this is no answer: a float that is none")
            return float(number)
        if isinstance(described, PlainList):
            return list(map(self.value, described.parts))
        if isinstance(described, PlainTuple):
            return tuple(map(self.value, described.parts))
        if isinstance(described, OtherArray):
            return Described(described.shape, plain(described.dtype))
        self._types.add(described.type)
        name = described.type if len(self._types) <= MOST_TYPES else "object"
        return stand_in(plain(name if described.length is None else f"{name} of {described.length}"))

    def _array(self, number: int) -> Array:
        if number >= len(self._arrays):
            raise NoMessageError("this is no answer: an array that is not there")
        return self._arrays[number]


@functools.lru_cache(maxsize=1024)
def stand_in(name: str) -> object:
    """An object in the place of one that did not cross the boundary, whose type is called the same."""
    return type(name, (), {})()
