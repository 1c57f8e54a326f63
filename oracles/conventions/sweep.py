"""The sweep: functions of all three frameworks at special values, to find differences before a user does.

What stands in one line is the same function, in what a user of each framework would write. It is compared where it is
special, and where it is not.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from backproof.oracles.conventions import FRAMEWORKS, Framework
from backproof.oracles.conventions.evaluation import array, describe, evaluate
from backproof.reference_impl.contract import Array

# Zeros, what is no number, subnormal numbers, and the places where activations and their parts turn, saturate, lose
# digits, under- and overflow.
VALUES = (
    0.0, -0.0, np.nan, np.inf, -np.inf, 1e-310, -1e-310, 1e-5, -1e-5, 0.5, -0.5, 1.0, -1.0, -0.414, 3.0, -3.0, 6.0,
    10.0, -10.0, 20.5, -20.5, 30.0, -30.0, 37.43, -37.43, 100.0, -100.0, 709.0, -709.0, 720.0, -720.0, 1e300, -1e300,
)  # fmt: skip

# More than rounding: neighbouring functions, at twice the constants of `oracles.bounds.arithmetic`, round so much.
ULPS = 64


class Functions(NamedTuple):
    """The same function in all frameworks, as code; empty where a framework has none."""

    numpy: str
    torch: str
    jax: str


def _alike(code: str) -> Functions:
    """Code that differs only in where the functions come from."""
    return Functions(*(code.replace("xp.", f"{module}.") for module in ("np", "torch", "jnp")))


# Of z, entry by entry: values and derivatives.
ELEMENTWISE = {
    "relu": Functions("np.maximum(z, 0)", "torch.relu(z)", "jax.nn.relu(z)"),
    "relu6": Functions("np.minimum(np.maximum(z, 0), 6)", "functional.relu6(z)", "jax.nn.relu6(z)"),
    "leaky_relu": Functions("np.where(z > 0, z, 0.01 * z)", "functional.leaky_relu(z)", "jax.nn.leaky_relu(z)"),
    "elu": Functions("np.where(z > 0, z, np.expm1(z))", "functional.elu(z)", "jax.nn.elu(z)"),
    "selu": Functions("", "functional.selu(z)", "jax.nn.selu(z)"),
    "celu": Functions("", "functional.celu(z)", "jax.nn.celu(z)"),
    "gelu": Functions("", "functional.gelu(z)", "jax.nn.gelu(z)"),
    "silu": Functions("z / (1 + np.exp(-z))", "functional.silu(z)", "jax.nn.silu(z)"),
    "mish": Functions("", "functional.mish(z)", "jax.nn.mish(z)"),
    "softplus": Functions("np.logaddexp(z, 0)", "functional.softplus(z)", "jax.nn.softplus(z)"),
    "sigmoid": Functions("1 / (1 + np.exp(-z))", "torch.sigmoid(z)", "jax.nn.sigmoid(z)"),
    "log_sigmoid": Functions("-np.logaddexp(0, -z)", "functional.logsigmoid(z)", "jax.nn.log_sigmoid(z)"),
    "tanh": _alike("xp.tanh(z)"),
    "hard_tanh": Functions("np.clip(z, -1, 1)", "functional.hardtanh(z)", "jax.nn.hard_tanh(z)"),
    "hard_sigmoid": Functions("np.clip(z / 6 + 0.5, 0, 1)", "functional.hardsigmoid(z)", "jax.nn.hard_sigmoid(z)"),
    "hard_swish": Functions("z * np.clip(z / 6 + 0.5, 0, 1)", "functional.hardswish(z)", "jax.nn.hard_swish(z)"),
    "softsign": Functions("z / (1 + np.abs(z))", "functional.softsign(z)", "jax.nn.soft_sign(z)"),
    "abs": _alike("xp.abs(z)"),
    "sign": _alike("xp.sign(z)"),
    "sqrt": _alike("xp.sqrt(z)"),
    "exp": _alike("xp.exp(z)"),
    "expm1": _alike("xp.expm1(z)"),
    "log": _alike("xp.log(z)"),
    "log1p": _alike("xp.log1p(z)"),
    "logaddexp(z, 0)": _alike("xp.logaddexp(z, 0 * z)"),
    "z ** 2": _alike("z ** 2"),
    "1 / z": _alike("1 / z"),
    "maximum(z, 0)": Functions("np.maximum(z, 0)", "torch.maximum(z, array(0.0))", "jnp.maximum(z, 0)"),
    "maximum(0, z)": Functions("np.maximum(0, z)", "torch.maximum(array(0.0), z)", "jnp.maximum(0, z)"),
    "fmax(z, 0)": Functions("np.fmax(z, 0)", "torch.fmax(z, array(0.0))", "jnp.fmax(z, 0)"),
    "clip(z, 0)": Functions("np.clip(z, 0, None)", "torch.clamp(z, min=0)", "jnp.clip(z, 0)"),
    "where(z > 0, z, 0)": _alike("xp.where(z > 0, z, 0)"),
    "where(z >= 0, z, 0)": _alike("xp.where(z >= 0, z, 0)"),
    "z * (z > 0)": _alike("z * (z > 0)"),
    "max of a stack": Functions(
        "np.stack([z, np.zeros_like(z)]).max(axis=0)",
        "torch.stack([z, torch.zeros_like(z)]).max(dim=0).values",
        "jnp.stack([z, jnp.zeros_like(z)]).max(axis=0)",
    ),
    "amax of a stack": Functions(
        "np.stack([z, np.zeros_like(z)]).max(axis=0)",
        "torch.stack([z, torch.zeros_like(z)]).amax(dim=0)",
        "jnp.stack([z, jnp.zeros_like(z)]).max(axis=0)",
    ),
    "(z + |z|) / 2": _alike("(z + xp.abs(z)) / 2"),
    "1 / (1 + exp(-z))": _alike("1 / (1 + xp.exp(-z))"),
    "(1 + tanh(z / 2)) / 2": _alike("(1 + xp.tanh(z / 2)) / 2"),
    "sigmoid by one where": _alike("xp.where(z >= 0, 1 / (1 + xp.exp(-z)), xp.exp(z) / (1 + xp.exp(z)))"),
}

ROWS = (
    [0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [3.0, 3.0, 1.0], [37.43, 0.0], [720.0, 0.0, 0.0], [740.0, 0.0, 0.0],
    [1000.0, -1000.0], [np.inf, 0.0], [-np.inf, 0.0], [-np.inf, -np.inf], [np.nan, 0.0], [-0.0, 0.0], [5.0],
)  # fmt: skip

# Of a row: values and derivatives.
OF_ROWS = {
    "softmax, last entry": Functions(
        "(np.exp(z - z.max()) / np.exp(z - z.max()).sum())[-1]", "torch.softmax(z, dim=0)[-1]", "jax.nn.softmax(z)[-1]"
    ),
    "log_softmax, last entry": Functions("", "torch.log_softmax(z, dim=0)[-1]", "jax.nn.log_softmax(z)[-1]"),
    "logsumexp": Functions("np.logaddexp.reduce(z)", "torch.logsumexp(z, dim=0)", "jax.nn.logsumexp(z)"),
    "max": Functions("z.max()", "z.max()", "z.max()"),
    "argmax": Functions("z.argmax()", "z.argmax()", "z.argmax()"),
    "mean": _alike("z.mean()"),
    "median": _alike("xp.median(z)"),
    "std": _alike("z.std()"),
    "var": _alike("z.var()"),
    "norm": _alike("xp.linalg.norm(z)"),
    "prod": _alike("z.prod()"),
    "sort": Functions("np.sort(z)", "torch.sort(z).values", "jnp.sort(z)"),
    "cross-entropy of label 0": Functions(
        "np.logaddexp.reduce(z) - z[0]",
        "functional.cross_entropy(z[None], torch.tensor([0]))",
        "-jax.nn.log_softmax(z)[0]",
    ),
}

PROBABILITIES = (0.0, 1.0, 1e-310, 1e-60, 1e-20, 0.25, 1 - 2.0**-53)
LABELS = (0.0, 1.0, 0.5)

# Of a prediction p (or a logit z) and a label y.
OF_PREDICTIONS = {
    "binary cross-entropy": Functions(
        "np.mean(-(y * np.log(z) + (1 - y) * np.log(1 - z)))",
        "functional.binary_cross_entropy(z, y)",
        "jnp.mean(-(y * jnp.log(z) + (1 - y) * jnp.log(1 - z)))",
    ),
    "binary cross-entropy by xlogy": Functions(
        "",
        "(-(torch.xlogy(y, z) + torch.xlogy(1 - y, 1 - z))).mean()",
        "(-(jax.scipy.special.xlogy(y, z) + jax.scipy.special.xlogy(1 - y, 1 - z))).mean()",
    ),
    "squared error": Functions("np.mean((z - y) ** 2)", "functional.mse_loss(z, y)", "jnp.mean((z - y) ** 2)"),
    "absolute error": Functions("np.mean(np.abs(z - y))", "functional.l1_loss(z, y)", "jnp.mean(jnp.abs(z - y))"),
}
LOGITS = (0.0, 5.0, -5.0, 30.0, -30.0, 100.0, -100.0, 720.0, -720.0)
OF_LOGITS = {
    "binary cross-entropy of logits": Functions(
        "np.mean(y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z))",
        "functional.binary_cross_entropy_with_logits(z, y)",
        "jnp.mean(-(y * jax.nn.log_sigmoid(z) + (1 - y) * jax.nn.log_sigmoid(-z)))",
    ),
}

DTYPES = ("bool", "int32", "int64", "float16", "bfloat16", "float32", "float64")
OPERATIONS = {"+": "a + b", "/": "a / b", "@": "a @ b"}
SCALARS = ("True", "1", "1.5")


class Difference(NamedTuple):
    """A probe at which the frameworks differ by more than rounding, and what each gives."""

    probe: str
    values: dict[Framework, str]


def differences() -> tuple[int, list[Difference]]:
    """How many probes there are, and those at which the frameworks differ."""
    number, found = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for probe, values in _probes():
            number += 1
            if not _all_same(list(values.values())):
                found.append(Difference(probe, {framework: describe(value) for framework, value in values.items()}))
    return number, found


def _probes() -> Iterator[tuple[str, dict[Framework, Any]]]:
    yield from _elementwise()
    for row in ROWS:
        yield from _at(OF_ROWS, repr(row), "", f"array({_written(row)})")
    for functions, points in ((OF_PREDICTIONS, PROBABILITIES), (OF_LOGITS, LOGITS)):
        for z, y in itertools.product(points, LABELS):
            yield from _at(functions, f"{z!r}, label {y!r}", f"array([{y!r}])", f"array([{z!r}])")
    yield from _promotions()


def _elementwise() -> Iterator[tuple[str, dict[Framework, Any]]]:
    """All values at once, as users have them, and then one by one."""
    at = f"array({_written(VALUES)})"
    for probe, values in _at(ELEMENTWISE, "", "", at):
        for i, value in enumerate(VALUES):
            yield f"{probe}{value!r}", {framework: array(result)[i] for framework, result in values.items()}


def _at(functions: dict[str, Functions], where: str, y: str, z: str) -> Iterator[tuple[str, dict[Framework, Any]]]:
    """The values and the derivatives of functions of z, and of y where there is one, at a place with a name."""
    given, names = (f"{z}, {y}", "z, y") if y else (z, "z")
    for name, codes in functions.items():
        there = {framework: code for framework, code in zip(FRAMEWORKS, codes, strict=True) if code}
        values = {
            framework: evaluate(framework, f"(lambda {names}: {code})({given})") for framework, code in there.items()
        }
        yield f"{name} at {where}", values
        if name == "argmax":
            continue
        there.pop("numpy", None)
        yield (
            f"derivative of {name} at {where}",
            {
                framework: evaluate(framework, f"grad(lambda {names}: {code}, {given.replace('array(', '(', 1)})")
                for framework, code in there.items()
            },
        )


def _promotions() -> Iterator[tuple[str, dict[Framework, Any]]]:
    """The dtypes of sums, quotients and products of matrices of two dtypes, and of an array and a Python number."""
    for (sign, code), (a, b) in itertools.product(OPERATIONS.items(), itertools.product(DTYPES, DTYPES)):
        yield f"{a} {sign} {b}", _dtypes(code, f"ones({a!r}), ones({b!r})", "bfloat16" in (a, b))
    for (sign, code), a, b in itertools.product(list(OPERATIONS.items())[:2], DTYPES, SCALARS):
        yield f"{a} {sign} {b} of Python", _dtypes(code, f"ones({a!r}), {b}", a == "bfloat16")
    for name, a in itertools.product(("sum", "mean"), DTYPES):
        yield f"{name} of {a}", _dtypes(f"a.{name}()", f"ones({a!r}), 0", a == "bfloat16")


def _dtypes(code: str, given: str, without_numpy: bool) -> dict[Framework, Any]:
    """The dtype of an expression of a and b; JAX is asked without having it compute anything."""
    there = [framework for framework in FRAMEWORKS if not (without_numpy and framework == "numpy")]
    return {framework: evaluate(framework, f"dtype_of(lambda a, b: {code}, {given})") for framework in there}


def _written(values: Any) -> str:
    return repr(list(values)).replace("np.float64", "")


def _all_same(values: list[Any]) -> bool:
    return all(_same(values[0], value) for value in values[1:])


def _same(a: Any, b: Any) -> bool:
    """To rounding, and zeros to their sign."""
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    first, second = array(a), array(b)
    return first.shape == second.shape and bool(np.all(_alike_entries(first.astype(float), second.astype(float))))


def _alike_entries(a: Array, b: Array) -> Array:
    zeros, finite = (a == 0) & (b == 0), np.isfinite(a) & np.isfinite(b)
    with np.errstate(all="ignore"):
        near = np.abs(a - b) <= ULPS * 2.0**-53 * np.maximum(np.abs(a), np.abs(b))
    same = np.where(finite, near, (a == b) | (np.isnan(a) & np.isnan(b)))
    return np.where(zeros, np.signbit(a) == np.signbit(b), same)
