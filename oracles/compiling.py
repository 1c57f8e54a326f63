"""Functions that Numba compiles when they are first called, and that are kept on disk from then on.

Where Numba is not installed they run as they stand, which is slow, and gives the same; so do those that are called for
so little that it is not worth loading it.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import inspect
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import Any

from backproof.oracles.user_cache import place_of

Function = Callable[..., Any]

# Up to so many multiplications take less time as they stand than Numba takes to load.
LITTLE = 1 << 9

_inner: set[Function] = set()


def inner(function: Function) -> Function:
    """A function that compiled functions may call. Called from elsewhere it runs as it stands."""
    _inner.add(function)
    return function


class Compiled:
    """A function of arrays, numbers and named tuples that Numba compiles; `as_it_stands` is the function itself."""

    def __init__(self, function: Function) -> None:
        self.as_it_stands, self._called = function, False
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        """The function of the arguments. Of several processes one compiles it, and the others wait and read it."""
        if self._called:
            return self._ready(*arguments)
        with _alone(self._folder):
            result = self._ready(*arguments)
        self._called = True
        return result

    def for_multiplications(self, number: int) -> Function:
        """The function, compiled if so many multiplications are worth it."""
        return self.as_it_stands if number <= LITTLE else self

    @functools.cached_property
    def _folder(self) -> Path:
        return place_of("compiled", made_of(self.as_it_stands))

    @functools.cached_property
    def _ready(self) -> Function:
        return _compiled(self.as_it_stands, self._folder)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While no other process compiles what is kept in this folder; at once where nothing can be kept or locked."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ModuleNotFoundError, OSError):
            import filelock

            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(filelock.FileLock(folder / "lock"))
        yield


@functools.cache
def can_compile() -> bool:
    """Whether Numba is installed and may compile."""
    return find_spec("numba") is not None and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


def load_compiler() -> None:
    """Load what every compiled function needs: a quarter of a second, in which something else may be waited for."""
    Compiled(_nothing)()


def _nothing() -> None:
    """What is compiled for that."""


def _compiled(function: Function, folder: Path) -> Function:
    """The function, compiled, with all that it calls; kept for what those are made of now.

    Numba looks at the file that a function is in, and not at those of the functions that it calls; and what it has kept
    for an earlier file it cannot read where a class is gone.
    """
    if not can_compile():
        return function
    import numba

    config: Any = numba.config
    usual, config.CACHE_DIR = config.CACHE_DIR, str(folder)
    try:
        return numba.njit(cache=True, error_model="numpy")(_calling_compiled(function))
    except RuntimeError:  # there is no folder that can be written
        return numba.njit(error_model="numpy")(_calling_compiled(function))
    finally:
        config.CACHE_DIR = usual


@functools.cache
def _inner_compiled(function: Function) -> Function:
    """The function for compiled ones to call: nothing is compiled for calling it from elsewhere, or kept."""
    import numba

    from backproof.oracles.compiling_inner import Pipeline

    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": Pipeline}
    return numba.njit(error_model="numpy", **options)(_calling_compiled(function))


def _is_inner(value: object) -> bool:
    return isinstance(value, FunctionType) and value in _inner


def _calling_compiled(function: Function) -> Function:
    """The same function, where what it calls of ours is compiled."""
    called = {name: _inner_compiled(other) for name, other in _used(function) if _is_inner(other)}
    code = function.__code__
    again = FunctionType(code, function.__globals__ | called, function.__name__, function.__defaults__)
    return functools.update_wrapper(again, function)


def _used(function: Function) -> Iterator[tuple[str, Any]]:
    """The globals that a function uses, by name, functions as they stand."""
    names = {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}
    for name in sorted(names & set(function.__globals__)):
        value = function.__globals__[name]
        yield name, value.as_it_stands if isinstance(value, Compiled) else value


def made_of(function: Function) -> list[object]:
    """What a compiled function depends on: the files of all that it calls, and the constants there."""
    constants = {
        (name, repr(value))
        for one in _reached_from(function)
        for name, value in _used(one)
        if isinstance(value, (bool, int, float, str, tuple))
    }
    return [sorted(constants), *(file.read_bytes() for file in sorted(files_of(function)))]


def files_of(function: Function) -> set[Path]:
    """The files of a function, of all that it calls, and of the tuples that are known there."""
    called = _reached_from(function)
    tuples = {
        value
        for one in called
        for value in one.__globals__.values()
        if isinstance(value, type) and issubclass(value, tuple) and value.__module__ != "builtins"
    }
    return {Path(inspect.getfile(one)) for one in called | tuples}


def _reached_from(function: Function) -> set[Any]:
    """A function, and all functions that it calls."""
    found, waiting = set[Any](), [function]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += [value for _, value in _used(one) if isinstance(value, FunctionType) and value not in found]
    return found
