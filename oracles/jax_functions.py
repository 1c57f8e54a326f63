"""Functions for JAX that are kept on disk between runs: traced, by `jax.export`, and compiled, by JAX's own cache.

To find a compiled function in its cache, JAX has to trace and lower it first, in every process anew, and that takes
several times as long as reading it does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.export
import platformdirs

from reference_impl.contract import Array


class Kept:
    """A function of arrays, by JAX, ready for every shape that it is called with."""

    def __init__(self, function: Callable[..., dict[str, jax.Array]], made_of: bytes) -> None:
        """made_of: all that the function's code depends on, but for JAX."""
        self._function = function
        self._ready: dict[tuple[Any, ...], Callable[..., dict[str, jax.Array]]] = {}
        version = hashlib.sha256(made_of + jax.__version__.encode()).hexdigest()
        self._folder = platformdirs.user_cache_path("backproof") / "traced" / version[:16]

    def __call__(self, *arrays: Array) -> dict[str, jax.Array]:
        """The function of the arrays; operation by operation where JAX is told not to compile."""
        config: Any = jax.config
        if config.jax_disable_jit:
            return self._function(*arrays)
        shapes = tuple((array.dtype.str, array.shape) for array in arrays)
        if shapes not in self._ready:
            name = hashlib.sha256(repr((jax.default_backend(), shapes)).encode()).hexdigest()
            self._ready[shapes] = jax.jit(self._traced(self._folder / name[:16], arrays).call)
        return self._ready[shapes](*arrays)

    def _traced(self, file: Path, arrays: tuple[Array, ...]) -> jax.export.Exported:
        """The function as it was kept in the file, or traced and kept there now, where that can be done."""
        # A file that JAX cannot read raises whatever its reader stumbles over; it is written anew.
        with contextlib.suppress(Exception):
            return jax.export.deserialize(bytearray(file.read_bytes()))
        traced = jax.export.export(jax.jit(self._function))(*arrays)
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            unfinished = file.with_suffix(f".{os.getpid()}")
            unfinished.write_bytes(traced.serialize())
            unfinished.replace(file)
        return traced


def keep_what_is_compiled() -> None:
    """Use JAX's cache on disk, in the user's cache folder unless JAX has been given another one."""
    config: Any = jax.config
    if config.jax_compilation_cache_dir is None:
        config.update("jax_compilation_cache_dir", str(platformdirs.user_cache_path("backproof") / "jax"))
        config.update("jax_persistent_cache_min_compile_time_secs", 0)
