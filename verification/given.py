"""Implementations that a caller has in hand, as in a notebook: a module, an object, a class, some functions, or one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from backproof.reference_impl.contract import FUNCTIONS

# What the sources of such implementations begin with, and the one that is in hand in this process.
BEGINS = "given:"
_IN_HAND: dict[str, Any] = {}

NAMES = (*FUNCTIONS, "CONVENTION")

Source = str | os.PathLike[str] | ModuleType | Mapping[str, Any] | Callable[..., Any] | object


def source_of(implementation: Source) -> str:
    """By what an implementation is loaded: a module's name or a file's path, or a name for what is in hand."""
    if isinstance(implementation, str | os.PathLike):
        return os.fspath(implementation)
    source = BEGINS + _called(implementation)
    _IN_HAND.clear()  # nothing is kept for good
    _IN_HAND[source] = implementation
    return source


def in_hand(source: str) -> Any:
    """What was given under that name, in this process, an object in the place of its class.

    Raises LookupError where nothing was, or something else since; and whatever a class raises of which an object is
    made.
    """
    if isinstance(_IN_HAND[source], type):
        _IN_HAND[source] = _IN_HAND[source]()
    return _IN_HAND[source]


def is_given(source: str) -> bool:
    """Whether it is the name of something in hand, and neither of a module nor of a file."""
    return source.startswith(BEGINS)


def members(implementation: Any) -> dict[str, Any]:
    """The contract's functions of it, and its CONVENTION, as far as it has them.

    A mapping has them under their names, as `globals()` of a notebook does; a function is the one of its own name.
    """
    if isinstance(implementation, ModuleType):
        implementation = vars(implementation)
    if isinstance(implementation, Mapping):
        return {name: implementation[name] for name in NAMES if name in implementation}
    if callable(implementation) and (name := getattr(implementation, "__name__", None)) in NAMES:
        return {name: implementation}
    return {name: getattr(implementation, name) for name in NAMES if hasattr(implementation, name)}


def _called(implementation: Any) -> str:
    if isinstance(implementation, Mapping):
        return "functions"
    name = getattr(implementation, "__name__", None)
    if isinstance(name, str) and name.replace(".", "").isidentifier():
        return name
    return type(implementation).__name__
