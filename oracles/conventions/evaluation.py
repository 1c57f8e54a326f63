"""Code of a framework, evaluated; and what comes of it, in words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch.nn import functional

from backproof.oracles.conventions import Framework
from backproof.oracles.jax_functions import enable_x64
from backproof.reference_impl.contract import Array


def evaluate(framework: Framework, code: str) -> Any:
    """The value of an expression of the framework, in which float64 is what it is without being told.

    An exception is a value too: the text "raises TypeError".
    """
    with enable_x64(True):
        try:
            return eval(code, dict(NAMES[framework]))  # noqa: S307  the catalogue's own code
        except Exception as error:
            return f"raises {type(error).__name__}"


def observe(framework: Framework, code: str) -> str:
    """What an expression gives, in words, with the warnings that it comes with."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = describe(evaluate(framework, code))
    kinds = dict.fromkeys(warning.category.__name__ for warning in caught)
    return value + "".join(f", with a {kind}" for kind in kinds)


def describe(value: Any) -> str:
    """A number, an array, a dtype or a shape, written the same for all frameworks."""
    if isinstance(value, str | bool):
        return str(value)
    if isinstance(value, tuple | torch.Size):
        return str(tuple(value))
    if isinstance(value, torch.dtype | np.dtype):
        return str(value).removeprefix("torch.")
    return repr(array(value).tolist())


def array(value: Any) -> Array:
    """A result as a NumPy array."""
    if isinstance(value, torch.Tensor):
        return value.detach().double().numpy() if value.is_floating_point() else value.detach().numpy()
    return np.asarray(value)


def holds(gives: str, observed: str) -> bool:
    """Whether what is observed is what is declared: to the letter, or after "~" to the digits that are written."""
    if not gives.startswith("~"):
        return gives == observed
    try:
        declared, value = float(gives[1:]), float(observed)
    except ValueError:
        return False
    digits = len(gives[1:].lower().partition("e")[0].replace(".", "").lstrip("-0"))
    return math.isfinite(value) and float(f"{value:.{max(digits - 1, 0)}e}") == declared


def _torch_grad(f: Callable[..., Any], x: Any, *others: Any) -> Any:
    inputs = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    f(inputs, *others).sum().backward()
    return inputs.grad


def _jax_grad(f: Callable[..., Any], x: Any, *others: Any) -> Any:
    return jax.grad(lambda z: f(z, *others).sum())(jnp.asarray(x, jnp.float64))


def _dtype_of(f: Callable[..., Any], *arguments: Any) -> str:
    return str(f(*arguments).dtype).removeprefix("torch.")


def _jax_dtype_of(f: Callable[..., Any], a: Any, b: Any) -> str:
    """b may be a number, which JAX takes for what it is only where it stands in the code."""
    arrays = [one for one in (a, b) if isinstance(one, jax.Array)]
    return str(jax.eval_shape(lambda *given: f(*given, *(a, b)[len(given) :]), *arrays).dtype)


def _without_x64(f: Callable[[], Any]) -> Any:
    with enable_x64(False):
        return f()


SHARED = {"np": np, "nan": math.nan, "inf": math.inf}
NAMES: dict[Framework, dict[str, Any]] = {
    "numpy": {
        "array": lambda x: np.array(x, np.float64),
        "ones": lambda dtype: np.ones((2, 2), dtype),
        "dtype_of": _dtype_of,
        **SHARED,
    },
    "torch": {
        "torch": torch,
        "functional": functional,
        "array": lambda x: torch.tensor(x, dtype=torch.float64),
        "grad": _torch_grad,
        "ones": lambda dtype: torch.ones((2, 2), dtype=getattr(torch, dtype)),
        "dtype_of": _dtype_of,
        **SHARED,
    },
    "jax": {
        "jax": jax,
        "jnp": jnp,
        "array": lambda x: jnp.asarray(x, jnp.float64),
        "grad": _jax_grad,
        "ones": lambda dtype: jnp.asarray(np.ones((2, 2), jnp.dtype(dtype))),
        "dtype_of": _jax_dtype_of,
        "without_x64": _without_x64,
        **SHARED,
    },
}
