"""Functions that Numba compiles when they are first called, and that are kept on disk from then on.

Where Numba is not installed they run as they stand, which is slow, and gives the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from oracles.user_cache import place_of

Function = Callable[..., Any]


def compiler(*modules: ModuleType) -> Callable[[Function], Function]:
    """A decorator for functions to be compiled that call functions of these modules.

    Numba looks at the file that a function is in, and not at those of the functions that it calls: what is compiled is
    kept for what these modules are now.
    """
    try:
        import numba
    except ModuleNotFoundError:
        return lambda function: function
    folder = place_of("compiled", [Path(str(module.__file__)).read_bytes() for module in modules])
    config: Any = numba.config

    def compiled(function: Function) -> Function:
        usual, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            return numba.njit(cache=True, error_model="numpy")(function)
        except RuntimeError:  # there is no folder that can be written
            return numba.njit(error_model="numpy")(function)
        finally:
            config.CACHE_DIR = usual

    return compiled
