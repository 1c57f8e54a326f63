"""JAX as people call it: what its functions turn out to compute, and training with `jax.grad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from backproof.oracles.case import Case
from backproof.oracles.jax_functions import enable_x64
from backproof.reference_impl.contract import Array

Parameters = tuple[list[Array], list[Array]]

Loss = Callable[[jax.Array, jax.Array], jax.Array]

# The ways to write a ReLU, as functions of z.
RELUS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "jax.nn.relu(z)": jax.nn.relu,
    "z * (z > 0)": lambda z: z * (z > 0),
    "jnp.where(z > 0, z, 0)": lambda z: jnp.where(z > 0, z, 0),
    "jnp.maximum(z, 0)": lambda z: jnp.maximum(z, 0),
    "jnp.clip(z, 0)": lambda z: jnp.clip(z, 0),
    "(z + jnp.abs(z)) / 2": lambda z: (z + jnp.abs(z)) / 2,
    "jnp.where(z >= 0, z, 0)": lambda z: jnp.where(z >= 0, z, 0),
}

# The ways to write a squared error, as functions of a prediction and labels.
SQUARED_ERRORS: dict[str, Loss] = {
    "jnp.mean((p - y) ** 2)": lambda p, y: jnp.mean((p - y) ** 2),
    "jnp.sum((p - y) ** 2)": lambda p, y: jnp.sum((p - y) ** 2),
    "jnp.sum((p - y) ** 2) / len(y)": lambda p, y: jnp.sum((p - y) ** 2) / len(y),
    "0.5 * jnp.sum((p - y) ** 2) / len(y)": lambda p, y: 0.5 * jnp.sum((p - y) ** 2) / len(y),
    "0.5 * jnp.mean((p - y) ** 2)": lambda p, y: 0.5 * jnp.mean((p - y) ** 2),
    "jnp.linalg.norm(p - y) ** 2": lambda p, y: jnp.linalg.norm(p - y) ** 2,
}

ACTIVATION: dict[str, Callable[[jax.Array], jax.Array]] = {
    "identity": lambda z: z,
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
}


def relu_slopes(z: Array) -> dict[str, Array]:
    """The slopes at z that `jax.grad` gives for every way to write a ReLU."""
    with enable_x64(True):
        every = jax.jit(lambda z: {call: jax.grad(lambda z, g=g: g(z).sum())(z) for call, g in RELUS.items()})
        slopes = every(z)
    return {call: np.asarray(slopes[call]) for call in RELUS}


def squared_error_gradients(prediction: Array, y: Array) -> dict[str, Array]:
    """The derivatives by the prediction that `jax.grad` gives for every way to write a squared error."""
    with enable_x64(True):
        every = jax.jit(lambda p, y: {call: jax.grad(loss)(p, y) for call, loss in SQUARED_ERRORS.items()})
        gradients = every(prediction, y)
    return {call: np.asarray(gradients[call]) for call in SQUARED_ERRORS}


def descent(case: Case, steps: int) -> list[Parameters]:
    """Train a network under a squared error by full-batch steps along `jax.grad`, compiled, in float64.

    Returns the weights and biases before the first step and after each. Raises KeyError for a softmax.
    """
    with enable_x64(True):
        step = jax.jit(lambda parameters: _step(parameters, case))
        parameters = [[jnp.asarray(W, float) for W in case.weights], [jnp.asarray(b, float) for b in case.biases]]
        found = [_arrays(parameters)]
        for _ in range(steps):
            parameters = step(parameters)
            found.append(_arrays(parameters))
    return found


def _step(parameters: Any, case: Case) -> Any:
    gradients = jax.grad(_loss)(parameters, case)
    return jax.tree.map(lambda w, dw: w - case.learning_rate * dw, parameters, gradients)


def _loss(parameters: Any, case: Case) -> jax.Array:
    a = jnp.asarray(case.x, float)
    for W, b, g in zip(*parameters, case.activations, strict=True):
        a = ACTIVATION[g](a @ W.T + b)
    return case.loss_scale * ((a - case.y) ** 2).sum()


def _arrays(parameters: Any) -> Parameters:
    weights, biases = jax.tree.map(np.asarray, parameters)
    return weights, biases
