"""Functions that Numba compiles when they are first called, and that are kept on disk from then on.

Where Numba is not installed they run as they stand, which is slow, and gives the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from backproof.oracles.user_cache import place_of

Function = Callable[..., Any]


def load_compiler() -> None:
    """Load what every compiled function needs: a quarter of a second, in which something else may be waited for."""
    compiler()(_nothing)()


def _nothing() -> None:
    """What is compiled for that."""


@functools.cache
def _folder(files: tuple[str, ...]) -> Path:
    """Where functions are kept that depend on these files."""
    return place_of("compiled", [Path(file).read_bytes() for file in files])


def inner(function: Function) -> Function:
    """A function for compiled functions alone to call: nothing is compiled for calling it from elsewhere, or kept."""
    try:
        import numba
    except ModuleNotFoundError:
        return function
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(error_model="numpy", **options)(function)


def compiler(*modules: ModuleType) -> Callable[[Function], Function]:
    """A decorator for functions to be compiled that use functions, classes or constants of these modules.

    Numba looks at the file that a function is in, and not at those of the functions that it calls; and what it has kept
    for an earlier file it cannot read where a class is gone. So what is compiled is kept for what that file and these
    modules are now.
    """
    try:
        import numba
    except ModuleNotFoundError:
        return lambda function: function
    config: Any = numba.config

    def compiled(function: Function) -> Function:
        files = function.__code__.co_filename, *(str(module.__file__) for module in modules)
        usual, config.CACHE_DIR = config.CACHE_DIR, str(_folder(files))
        try:
            return numba.njit(cache=True, error_model="numpy")(function)
        except RuntimeError:  # there is no folder that can be written
            return numba.njit(error_model="numpy")(function)
        finally:
            config.CACHE_DIR = usual

    return compiled
