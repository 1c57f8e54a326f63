"""Functions for JAX that are kept on disk between runs: traced, by `jax.export`, and compiled, by JAX's own cache.

To find a compiled function in its cache, JAX has to trace and lower it first, in every process anew, and that takes
several times as long as reading it does.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.export
import platformdirs

from backproof.oracles.user_cache import kept
from backproof.reference_impl.contract import Array

# Since JAX 0.8 it is no experiment any more.
enable_x64: Callable[[bool], AbstractContextManager[None]] = (
    jax.enable_x64 if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental").enable_x64
)


class Kept:
    """A function of arrays, by JAX, ready for every shape that it is called with."""

    def __init__(self, function: Callable[..., dict[str, jax.Array]], made_of: object) -> None:
        """made_of: all that the function's code depends on, but for JAX."""
        self._function, self._made_of = function, made_of
        self._ready: dict[tuple[Any, ...], Callable[..., dict[str, jax.Array]]] = {}

    def __call__(self, *arrays: Array) -> dict[str, jax.Array]:
        """The function of the arrays; operation by operation where JAX is told not to compile."""
        config: Any = jax.config
        if config.jax_disable_jit:
            return self._function(*arrays)
        shapes = tuple((array.dtype.str, array.shape) for array in arrays)
        if shapes not in self._ready:
            made_of = self._made_of, jax.__version__, jax.default_backend(), shapes
            traced = kept("traced", made_of, lambda: self._traced(arrays))
            self._ready[shapes] = jax.jit(jax.export.deserialize(bytearray(traced)).call)
        return self._ready[shapes](*arrays)

    def _traced(self, arrays: tuple[Array, ...]) -> bytes:
        return bytes(jax.export.export(jax.jit(self._function))(*arrays).serialize())


def keep_what_is_compiled() -> None:
    """Use JAX's cache on disk, in the user's cache folder unless JAX has been given another one.

    Not where JAX is of version 0.8 or 0.9: it complains in many lines of what it has kept there itself.
    """
    config: Any = jax.config
    if config.jax_compilation_cache_dir is None and jax.__version_info__[:2] not in ((0, 8), (0, 9)):
        config.update("jax_compilation_cache_dir", str(platformdirs.user_cache_path("backproof") / "jax"))
        config.update("jax_persistent_cache_min_compile_time_secs", 0)
