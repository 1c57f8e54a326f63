"""What a worker may say: a schema that its messages have to fit, before anything is made of them.

Whoever writes into the channel is the submission, for all that is known. So a message has types, and bounds of the
numbers, texts and sequences in it (of its bytes in `session`, of all values of an answer in `grader.calls`); what does
not fit is no message.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from safetensors.numpy import load

from backproof.grader.sandbox.worker import (
    DTYPES,
    LAST_LINE,
    MESSAGE_SHOWN,
    MOST_BYTES,
    MOST_STOPS_TOLD,
    MOST_VALUES,
    NAME_SHOWN,
    extent,
)
from backproof.reference_impl.contract import Array

Name = Annotated[str, Meta(max_length=NAME_SHOWN)]
Number = Annotated[int, Meta(ge=0, lt=MOST_VALUES)]
Line = Annotated[int, Meta(ge=0, le=LAST_LINE)]

# As long, and of as many dimensions, as NumPy's arrays can be.
Length = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Shape = Annotated[tuple[Length, ...], Meta(max_length=64)]

Said = TypeVar("Said")


class PlainArray(Struct, tag_field="is", tag="array", array_like=True, frozen=True):
    """An array, by its number among those of the message."""

    number: Number


class PlainFloat(Struct, tag_field="is", tag="float", array_like=True, frozen=True):
    """A float, as an array without dimensions."""

    number: Number


class PlainList(Struct, tag_field="is", tag="list", array_like=True, frozen=True):
    """A list of values."""

    parts: Annotated[list[Value], Meta(max_length=MOST_VALUES)]


class PlainTuple(Struct, tag_field="is", tag="tuple", array_like=True, frozen=True):
    """A tuple of values."""

    parts: Annotated[list[Value], Meta(max_length=MOST_VALUES)]


class OtherArray(Struct, tag_field="is", tag="other array", array_like=True, frozen=True):
    """An array that was not sent: its dtype is not one that may cross, or it is too large."""

    shape: Shape
    dtype: Name


class Other(Struct, tag_field="is", tag="other", array_like=True, frozen=True):
    """Anything else, by its type; or a sequence that was not sent, by its length too."""

    type: Name
    length: Length | None


Value = PlainArray | PlainFloat | PlainList | PlainTuple | OtherArray | Other


class Locked(Struct, tag_field="is", tag="locked", frozen=True):
    """The worker has given up what the submission must not have."""


class Loaded(Struct, tag_field="is", tag="loaded", frozen=True):
    """The submission has been imported, or imported anew."""


class Raised(Struct, tag_field="is", tag="raised", frozen=True):
    """An error in the submission."""

    type: Name
    message: Annotated[str, Meta(max_length=MESSAGE_SHOWN)]
    line: Line
    unimplemented: bool


class Stop(Struct, array_like=True, frozen=True):
    """What a line outside of all functions raised, while a submission was imported.

    ends: whether the file, or its cell, ends there; else that statement alone was passed over.
    """

    raised: Raised
    line: Line
    ends: bool


class Stopped(Struct, tag_field="is", tag="stopped", frozen=True):
    """That not all of a submission was imported, and what was not; ended: this worker has ended of it."""

    stops: Annotated[list[Stop], Meta(min_length=1, max_length=MOST_STOPS_TOLD)]
    ended: bool


class Missing(Struct, tag_field="is", tag="missing", frozen=True):
    """There is no such function."""


class Changed(Struct, tag_field="is", tag="changed", frozen=True):
    """The function changed some of its arguments."""

    arguments: Annotated[list[Annotated[int, Meta(ge=0, lt=8)]], Meta(min_length=1, max_length=8)]


class Result(Struct, tag_field="is", tag="result", frozen=True):
    """What the function gave."""

    value: Value


Imported = Loaded | Stopped | Raised
Answer = Result | Missing | Changed | Raised


class Answered(Struct, array_like=True, frozen=True):
    """The answer to a call, by the call's number."""

    call: Line
    answer: Answer


# What is expected, as it has to be.
LOCKED = msgspec.json.Decoder(Locked)
IMPORTED: msgspec.json.Decoder[Imported] = msgspec.json.Decoder(Imported)
ANSWERED = msgspec.json.Decoder(Answered)


class NoMessageError(ValueError):
    """These bytes are nothing that a worker says."""


def decode(text: bytes, packed: bytes, expected: msgspec.json.Decoder[Said]) -> tuple[Said, list[Array]]:
    """A message that is one of those expected, and its arrays as plain ones made here.

    Raises NoMessageError for whatever else these bytes are.
    """
    try:
        found = expected.decode(text)
        arrays = load(packed) if packed else {}
        plain = [arrays[str(i)] for i in range(len(arrays))]
    except Exception as error:  # of whatever kind: libraries have many for what is none of theirs
        raise NoMessageError("this is no message") from error
    if any(array.dtype not in DTYPES or extent(array.shape) > MOST_BYTES for array in plain):
        raise NoMessageError("this is no message: its arrays have other dtypes, or are too large")
    return found, plain
