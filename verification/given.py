"""Implementations that a caller has in hand, as in a notebook: a module, an object, a class, some functions, or one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from backproof.oracles.case import OF_INPUT
from backproof.reference_impl.contract import FUNCTIONS

# What the sources of such implementations begin with, and those that are in hand in this process.
BEGINS = "given:"
_IN_HAND: dict[str, object] = {}

Source = str | os.PathLike[str] | ModuleType | Mapping[str, Any] | Callable[..., Any] | object


def source_of(implementation: Source) -> str:
    """By what an implementation is loaded: a module's name or a file's path, or a name for what is in hand."""
    if isinstance(implementation, str | os.PathLike):
        return os.fspath(implementation)
    source = BEGINS + _called(implementation)
    _IN_HAND[source] = implementation
    return source


def in_hand(source: str) -> object | None:
    """What was given under that name, in this process; None where nothing was."""
    return _IN_HAND.get(source)


def is_given(source: str) -> bool:
    """Whether it is the name of something in hand, and neither of a module nor of a file."""
    return source.startswith(BEGINS)


def members(implementation: Any) -> dict[str, Any]:
    """The contract's functions of it, and its CONVENTION, as far as it has them.

    A mapping has them under their names, as `globals()` of a notebook does; a function is the one of its own name; of a
    class an object is made. Raises TypeError where that takes arguments.
    """
    if isinstance(implementation, ModuleType):
        implementation = vars(implementation)
    if isinstance(implementation, Mapping):
        found = offered(implementation)
        return found | ({"CONVENTION": implementation["CONVENTION"]} if "CONVENTION" in implementation else {})
    if getattr(implementation, "__name__", None) in FUNCTIONS and callable(implementation):
        return {implementation.__name__: implementation}
    if isinstance(implementation, type):
        implementation = implementation()
    wanted = (*FUNCTIONS, "CONVENTION")
    return {name: getattr(implementation, name) for name in wanted if hasattr(implementation, name)}


def offered(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """The contract's functions that a module has for others.

    Those are the ones in its `__all__`; without it, all of those names. But a sigmoid in an adapter, which has a
    CONVENTION, is more often a helper for single numbers or samples than the contract's.
    """
    there = [function for function in FUNCTIONS if function in namespace]
    named = [function for function in there if function in namespace.get("__all__", ())]
    if not named and "CONVENTION" in namespace and "__name__" in namespace:
        named = [function for function in there if function not in OF_INPUT]
    return {function: namespace[function] for function in named or there}


def _called(implementation: Any) -> str:
    if isinstance(implementation, Mapping):
        return "functions"
    name = getattr(implementation, "__name__", None)
    return name if isinstance(name, str) else type(implementation).__name__
