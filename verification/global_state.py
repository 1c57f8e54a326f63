"""The state that all code in a process shares, of an implementation and of the rest kept apart.

An implementation may set NumPy's error state, PyTorch's default dtype or JAX's debug flags when it is imported, and
rely on that. It is called under what it left; oracles, bounds and comparison work under what there was before.
"""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

# The smallest number above 0, which is lost where a processor has been told to leave such numbers out.
SUBNORMAL = 5e-324


class Part(NamedTuple):
    """A part of the state: how it is read, and how it is set to what was read."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


def _streams() -> tuple[Any, Any, Any]:
    return sys.stdin, sys.stdout, sys.stderr


def _set_streams(streams: tuple[Any, Any, Any]) -> None:
    sys.stdin, sys.stdout, sys.stderr = streams


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined] # else what was looked up before is still taken


PYTHON = {
    "random numbers": Part(random.getstate, random.setstate),
    "filters of warnings": Part(lambda: list(warnings.filters), _set_filters),
    "recursion limit": Part(sys.getrecursionlimit, sys.setrecursionlimit),
    "standard streams": Part(_streams, _set_streams),
    "folder": Part(os.getcwd, os.chdir),
}
NUMPY = {
    "error state": Part(np.geterr, lambda state: np.seterr(**state)),
    "error handler": Part(np.geterrcall, np.seterrcall),
    "random numbers": Part(lambda: np.random.get_state(legacy=False), np.random.set_state),  # noqa: NPY002
    "printing": Part(np.get_printoptions, lambda options: np.set_printoptions(**options)),
}


def _where_different(read: Callable[[], Any], write: Callable[[Any], object]) -> Part:
    """A part that costs something to set, even to what it is."""
    return Part(read, lambda value: read() == value or write(value))


def _of_torch() -> dict[str, Part]:
    torch: Any = sys.modules["torch"]
    return {
        "default dtype": _where_different(torch.get_default_dtype, torch.set_default_dtype),
        "default device": _where_different(
            torch.get_default_device, lambda device: torch.set_default_device(device if device.type != "cpu" else None)
        ),
        "gradients": _where_different(torch.is_grad_enabled, torch._C._set_grad_enabled),
        "anomalies": _where_different(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
        "determinism": _where_different(torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
        "threads": _where_different(torch.get_num_threads, torch.set_num_threads),
        "random numbers": Part(torch.get_rng_state, torch.set_rng_state),
        "subnormal numbers": _where_different(lambda: bool(SUBNORMAL * np.float64(1.0) == 0), torch.set_flush_denormal),
    }


def _of_jax() -> dict[str, Part]:
    config: Any = sys.modules["jax"].config

    def update(values: dict[str, Any]) -> None:
        present = config.values  # made anew whenever it is asked for
        for name, value in values.items():
            if present[name] is not value and present[name] != value:
                config.update(name, value)

    return {"settings": Part(lambda: dict(config.values), update)}


# The parts that are there for a package, once that is imported as a whole.
PACKAGES = {"torch": _of_torch, "jax": _of_jax}


def _parts() -> dict[tuple[str, str], Part]:
    found = {"Python": PYTHON, "NumPy": NUMPY}
    for package, parts_of in PACKAGES.items():
        if not getattr(getattr(sys.modules.get(package), "__spec__", None), "_initializing", True):
            found[package] = parts_of()
    return {(whose, name): part for whose, parts in found.items() for name, part in parts.items()}


class GlobalState:
    """The state as it is now, to be set again later."""

    def __init__(self) -> None:
        self._values = {}
        for place, part in _parts().items():
            with suppress(OSError):  # the folder of a process may be gone
                self._values[place] = part.read()

    def set(self) -> None:
        """Set all of it that was there."""
        parts = _parts()
        for place, value in self._values.items():
            with suppress(OSError):
                parts[place].write(value)


class Separate:
    """What an implementation has made of the state; there is none before `entered` has been left for the first time."""

    def __init__(self) -> None:
        self._theirs: GlobalState | None = None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Under this state, and what becomes of it, inside; under the other one afterwards."""
        ours = GlobalState()
        if self._theirs is not None:
            self._theirs.set()
        try:
            yield
        finally:
            self._theirs = GlobalState()
            ours.set()
