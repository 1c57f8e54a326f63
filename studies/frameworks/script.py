"""A network as a script of its own, to hand on: it needs NumPy and the framework concerned, and nothing of Backproof.

The script has all the numbers in it, computes the network in plain code of the framework, and prints how far each array
is from the exact values, which are in it too, and from what rounding explains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backproof.oracles.bounds import bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.certified import enclose
from backproof.reference_impl.contract import Array
from backproof.reports.pages import template
from backproof.studies.frameworks.backends import load_backend

# The framework that an oracle is made of.
ORACLES = {"torch": "torch-eager", "jax": "jax-jit"}

# How the frameworks write activations of z, and the terms of losses; `backends` and oracles write the same.
ACTIVATIONS = {
    "torch": {
        "identity": "{z}",
        "sigmoid": "torch.sigmoid({z})",
        "relu": "torch.relu({z})",
        "tanh": "torch.tanh({z})",
        "softmax": "torch.softmax({z}, dim=1)",
    },
    "jax": {
        "identity": "{z}",
        "sigmoid": "jax.nn.sigmoid({z})",
        "relu": "jax.nn.relu({z})",
        "tanh": "jnp.tanh({z})",
        "softmax": "jax.nn.softmax({z}, axis=1)",
    },
}
TERMS = {
    "torch": {
        "squared_error": 'functional.mse_loss({p}, y, reduction="none")',
        "cross_entropy": 'functional.cross_entropy({z}, y, reduction="none")',
        "binary_cross_entropy sigmoid": "-(y * functional.logsigmoid({z}) + (1 - y) * functional.logsigmoid(-{z}))",
        "binary_cross_entropy softmax": "-(torch.xlogy(y, {p}) + torch.xlogy(1 - y, 1 - {p}))",
    },
    "jax": {
        "squared_error": "({p} - y) ** 2",
        "cross_entropy": "-y * jax.nn.log_softmax({z}, axis=1)",
        "binary_cross_entropy sigmoid": "-(y * jax.nn.log_sigmoid({z}) + (1 - y) * jax.nn.log_sigmoid(-{z}))",
        "binary_cross_entropy softmax": "-(xlogy(y, {p}) + xlogy(1 - y, 1 - {p}))",
    },
}


def script(case: Case, framework: str, dtype: str) -> str:
    """The script that computes a case in one framework and dtype, ending in a newline.

    framework: "torch-eager", "jax-jit" and so on. The case is rounded to the dtype first. Raises ValueError for a
    framework that is unknown or has no scripts, and RuntimeError where it cannot work here.
    """
    library, _, way = framework.partition("-")
    if library not in ACTIVATIONS or way not in ("eager", "compile", "func", "jit"):
        raise ValueError(f"there are scripts for PyTorch and JAX on the CPU, and none for {framework}")
    backend, case = load_backend(framework, dtype), case.rounded(dtype)
    (allowed,) = bounds([case], [backend.arithmetic])[0].allowances
    enclosure = enclose(case, allowed)
    named = [
        (_name(quantity), _written(enclosure.high[quantity]), _written(allowed[quantity]))
        for quantity in case.quantities
        if quantity.kind not in ("step_W", "step_b") and quantity != Quantity("output", 0)
    ]
    layers = range(1, case.depth + 1)
    return template("backproof.studies.frameworks", f"script_{library}.py.j2").render(
        case=case,
        framework=framework,
        way=way,
        dtype=dtype,
        x=_written(case.x),
        y=_written(case.y),
        weights=[_written(W) for W in case.weights],
        biases=[_written(b) for b in case.biases],
        parameters=", ".join(f"{letter}{i}" for letter in "Wb" for i in layers),
        outputs=", ".join(f"a{i}" for i in layers),
        layers=[ACTIVATIONS[library][g].format(z=f"z{i}") for i, g in enumerate(case.activations, 1)],
        terms=_terms(case, library),
        named=named,
        unit_roundoff=backend.arithmetic.unit_roundoff,
        smallest_normal=backend.arithmetic.smallest_normal,
    )


def write_scripts(case: Case, names: Sequence[str], dtype: str, folder: Path = Path()) -> list[Path]:
    """Write the scripts of those frameworks, or of what those oracles are made of, and return where they are.

    Raises as `script` does, and OSError where a file cannot be written.
    """
    paths = []
    for name in names:
        framework = ORACLES.get(name, name)
        path = folder / f"{re.sub('[^a-z0-9]+', '-', case.name) or 'case'}-{framework}-{dtype}.py"
        path.write_text(script(case, framework, dtype), encoding="utf-8")
        paths.append(path)
    return paths


def _terms(case: Case, library: str) -> str:
    kind, last = case.loss_parts.kind, case.activations[-1]
    key = f"{kind} {last}" if kind == "binary_cross_entropy" else kind
    return TERMS[library][key].format(z=f"z{case.depth}", p=f"a{case.depth}")


def _name(quantity: Quantity) -> str:
    """What the script calls a quantity: a2, dW1, loss, sigmoid_prime."""
    return {"output": "a"}.get(quantity.kind, quantity.kind) + str(quantity.layer or "")


def _written(array: Array) -> str:
    """The array as nested lists that Python reads back to the very same numbers."""
    return _list(array.tolist()).replace("inf", "np.inf").replace("nan", "np.nan")


def _list(values: Any) -> str:
    if not isinstance(values, list):
        return repr(values)
    if values and isinstance(values[0], list):
        return "[\n    " + ",\n    ".join(map(_list, values)) + ",\n]"
    return "[" + ", ".join(map(repr, values)) + "]"
