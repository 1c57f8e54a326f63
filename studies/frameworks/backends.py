"""What stands in the matrix: every way to compute a network, by name, and the dtypes that it has."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from backproof import reference_impl
from backproof.oracles.bounds import NUMPY, Arithmetic
from backproof.oracles.case import Answer, Case
from backproof.reference_impl.contract import Array
from backproof.verification.wording import not_installed

DTYPES = ("float64", "float32", "bfloat16", "float16")


class Backend(Protocol):
    """One framework, in one way to use it and one dtype."""

    name: str
    dtype: str
    arithmetic: Arithmetic

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case: the case's quantities in their order, as float64 arrays of the dtype's numbers."""


class NumpyBackend:
    """The implementation of the notes, which is NumPy alone."""

    name = "numpy"

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.arithmetic = NUMPY[dtype]

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order, as float64 arrays."""
        with np.errstate(all="ignore"):
            return [self._answer(case) for case in cases]

    def _answer(self, case: Case) -> Answer:
        weights, biases = self._cast(case.weights), self._cast(case.biases)
        x, y = self._cast((case.x, case.y))
        outputs = reference_impl.forward(weights, biases, x, case.activations)
        gradients = reference_impl.backward(weights, biases, x, y, case.activations, case.loss)
        step_weights, step_biases = map(self._cast, case.step_gradients())
        steps = reference_impl.gradient_descent_step(weights, biases, step_weights, step_biases, case.learning_rate)
        layered = {"output": outputs, **dict(zip(("dW", "db"), gradients, strict=True))}
        layered |= dict(zip(("step_W", "step_b"), steps, strict=True))
        found: Answer = {}
        value: Any
        for quantity in case.quantities:
            if quantity.kind == "loss":
                value = reference_impl.loss(outputs[-1], y, case.loss)
            elif quantity.layer is None:
                value = getattr(reference_impl, quantity.kind)(x)
            else:
                value = layered[quantity.kind][quantity.layer - (quantity.kind != "output")]
            found[quantity] = np.asarray(value, np.float64)
        return found

    def _cast(self, arrays: Sequence[Array]) -> list[Array]:
        return [array.astype(self.dtype) for array in arrays]


class Kind(NamedTuple):
    """A backend that can be had: how, in which dtypes, and whether it takes seconds for every new network.

    lacks: why it does not have other dtypes.
    """

    make: Callable[[str], Backend]
    dtypes: tuple[str, ...] = DTYPES
    slow: bool = False
    lacks: str = ""


def _from(module: str, name: str, **settings: object) -> Callable[[str], Backend]:
    """What makes a backend of a module that takes seconds to import."""

    def make(dtype: str) -> Backend:
        backend: Backend = getattr(importlib.import_module(module), name)(dtype, **settings)
        return backend

    return make


KINDS: dict[str, Kind] = {
    "numpy": Kind(NumpyBackend, ("float64", "float32", "float16"), lacks="NumPy has no bfloat16"),
    **{
        f"torch-{way}": Kind(_from("backproof.oracles.torch_backends", "TorchBackend", way=way), slow=way == "compile")
        for way in ("eager", "func", "compile")
    },
    **{
        f"jax-{way}": Kind(_from("backproof.oracles.jax_backends", "JaxBackend", way=way), slow=way == "eager")
        for way in ("jit", "eager")
    },
    "torch-cuda": Kind(_from("backproof.oracles.torch_backends", "TorchBackend", device="cuda")),
    "torch-cuda-tf32": Kind(
        _from("backproof.oracles.torch_backends", "TorchBackend", device="cuda", tf32=True),
        ("float32",),
        lacks="TF32 is for products of float32",
    ),
}


def load_backend(name: str, dtype: str) -> Backend:
    """The backend of that name in a dtype.

    Raises ValueError for an unknown name, and RuntimeError, with a phrase that says why, where there is no such backend
    here.
    """
    if name not in KINDS:
        raise ValueError(f"unknown framework {name!r}; there are {', '.join(KINDS)}")
    if dtype not in KINDS[name].dtypes:
        raise RuntimeError(KINDS[name].lacks)
    try:
        return KINDS[name].make(dtype)
    except ModuleNotFoundError as error:
        raise RuntimeError(f"it {not_installed(error)}") from error


class Missing(msgspec.Struct, frozen=True):
    """A backend that is not in the matrix."""

    backend: str
    dtypes: list[str]
    why: str


def load_backends(names: Sequence[str], dtypes: Sequence[str]) -> tuple[list[Backend], list[Missing]]:
    """All of those backends that there are, dtype by dtype; and the others, with the reason.

    What is for one dtype alone is not missing from the others.
    """
    backends: list[Backend] = []
    missing: dict[tuple[str, str], list[str]] = {}
    for dtype in dtypes:
        for name in names:
            try:
                backends.append(load_backend(name, dtype))
            except RuntimeError as error:
                if dtype in KINDS[name].dtypes or len(KINDS[name].dtypes) > 1:
                    missing.setdefault((name, str(error)), []).append(dtype)
    return backends, [Missing(name, dtypes, why) for (name, why), dtypes in missing.items()]
