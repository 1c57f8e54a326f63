"""JAX's answer: its own functions in float64, differentiated by `jax.grad`, a stack of networks at a time.

JAX compiles a function anew for every shape, which takes seconds; so stacks are padded further, to one of a few shapes,
and activations and losses are chosen by number inside the compiled function. What is compiled is kept on disk
(`oracles.jax_functions`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from backproof.oracles.bounds import JAX
from backproof.oracles.jax_functions import Kept, enable_x64, keep_what_is_compiled
from backproof.oracles.stack import DEPTHS, LOSS_KINDS, ByStack, Flat, Stack, round_up
from backproof.reference_impl.contract import ACTIVATIONS, Array

WIDTHS, BATCHES = (8, 16, 32, 64, 96), (8, 32, 48)

# Which networks and how many layers, and what JAX gives for them, maybe not ready yet.
Answered = tuple[tuple[slice, int], dict[str, jax.Array]]

# Stacks of so few networks are padded to one shape, larger ones to another: what that costs is less than compiling
# another function.
FEW, USUAL, LARGER = 24, (64, 32), (96, 48)

# How many numbers a layer of a compiled function has: padding a stack with networks that are not there costs as well.
LAYER_SIZE = 1 << 14


class JaxOracle(ByStack):
    """Every quantity of a case by JAX, in float64 whatever the case's dtype.

    Raises RuntimeError where JAX refuses to compute in float64.
    """

    name = "jax"
    arithmetic = JAX["float64"]
    dtype = "float64"

    def __init__(self) -> None:
        if os.environ.get("JAX_ENABLE_X64", "1").lower() in ("0", "false", "off", "no", "n", "f"):
            raise RuntimeError(
                "JAX is told to do without 64-bit floats (JAX_ENABLE_X64 is "
                f"{os.environ['JAX_ENABLE_X64']!r}), and an oracle needs them: unset it, or set it to 1"
            )
        keep_what_is_compiled()

    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack."""
        found = {kind: stack.empty_line(kind) for kind in stack.sizes}
        with enable_x64(True):
            parts = ((place, _compiled()(*_in(self.dtype, networks))) for place, networks in _parts(stack))
            for place, part in _one_ahead(parts):
                for kind, array in part.items():
                    stack.last_layers(kind, *place).take(np.asarray(array, np.float64), found[kind])
        return found


def _one_ahead(calls: Iterator[Answered]) -> Iterator[Answered]:
    """The calls' answers, each when the next call has been made: JAX computes while Python goes on."""
    before = next(calls)
    for call in calls:
        yield before
        before = call
    yield before


class Networks(NamedTuple):
    """S networks of one shape, as the arrays of a `Stack`; `outputs` and `inputs` (S, K): which there are."""

    weights: Any
    biases: Any
    step_weights: Any
    step_biases: Any
    x: Any
    y: Any
    activations: Any
    loss: Any
    scale: Any
    sampled: Any
    inputs: Any
    outputs: Any
    learning_rate: Any


def _parts(stack: Stack) -> Iterator[tuple[tuple[slice, int], Networks]]:
    """The stack's networks, as many at a time as a compiled function takes: which, how many layers, and padded."""
    few = len(stack.cases) <= FEW
    usual = stack.shape.width <= USUAL[0] and stack.shape.batch <= USUAL[1]
    widths, batches = [[size] for size in (USUAL if usual else LARGER)] if few else (WIDTHS, BATCHES)
    K, N = round_up(stack.shape.width, widths), round_up(stack.shape.batch, batches)
    S = max(1, LAYER_SIZE // (K * N))
    for start in range(0, len(stack.cases), S):
        deepest = stack.depth if few else stack.cases[start].depth  # deeper networks come first
        place = slice(start, start + S), round_up(deepest, DEPTHS)
        yield place, _padded(stack, *place, S, K, N)


def _padded(stack: Stack, networks: slice, L: int, S: int, K: int, N: int) -> Networks:
    """Some of the networks, and networks of padding up to S, with L layers."""

    def padded(kind: str, line: Array, *shape: int) -> Array:
        return stack.last_layers(kind, networks, L).padded(line, (S, *shape))

    def of_networks(array: Array) -> Array:
        part = array[networks]
        return np.pad(part, [(0, S - len(part)), *[(0, 0)] * (array.ndim - 1)]) if len(part) < S else part

    given = stack.lines
    samples, inputs, outputs = map(of_networks, (stack.samples, stack.first_widths, stack.widths[:, -1]))
    return Networks(
        weights=padded("dW", given.weights, L, K, K),
        biases=padded("db", given.biases, L, K),
        step_weights=padded("step_W", given.step_weights, L, K, K),
        step_biases=padded("step_b", given.step_biases, L, K),
        x=padded("x", given.x, N, K),
        y=padded("y", given.y, N, K),
        activations=of_networks(stack.activations[:, -L:]),
        loss=of_networks(stack.loss),
        scale=of_networks(stack.scale),
        sampled=np.arange(N) < samples[:, None],
        inputs=np.arange(K) < inputs[:, None],
        outputs=np.arange(K) < outputs[:, None],
        learning_rate=of_networks(stack.learning_rate),
    )


def _in(dtype: str, networks: Networks) -> Networks:
    """The networks with all numbers of float64 in the dtype; those of activations and the like as they are."""
    if dtype == "float64":
        return networks
    return Networks(*(a.astype(jnp.dtype(dtype)) if a.dtype == np.float64 else a for a in networks))


@functools.cache
def _compiled() -> Kept:
    """`_network` for many networks, whose arrays are its arguments."""
    code = Path(__file__).read_bytes()
    return Kept(lambda *arrays: jax.vmap(_network)(Networks(*arrays)), (code, ACTIVATIONS, LOSS_KINDS))


def _network(net: Networks) -> dict[str, jax.Array]:
    """All quantities of one padded network."""
    differentiated = jax.value_and_grad(_loss, argnums=(0, 1), has_aux=True)
    (loss, outputs), (dW, db) = differentiated(net.weights, net.biases, net)
    return {
        "output": outputs,
        "loss": loss,
        "dW": dW,
        "db": db,
        "step_W": net.weights - net.learning_rate * net.step_weights,
        "step_b": net.biases - net.learning_rate * net.step_biases,
        "softmax": _softmax(net.x, net.inputs),
        **_functions(net.x),
    }


def _loss(weights: jax.Array, biases: jax.Array, net: Networks) -> tuple[jax.Array, jax.Array]:
    """The loss; and x and the outputs of all layers, where a missing layer hands on what it receives."""

    def hidden(a: jax.Array, parameters: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
        W, b, number = parameters
        output = _activate(number, a @ W.T + b, a)
        return output, output

    a, outputs = jax.lax.scan(hidden, net.x, (weights[:-1], biases[:-1], net.activations[:-1]))
    z = a @ weights[-1].T + biases[-1]
    logits = jnp.where(net.activations[-1] == ACTIVATIONS.index("softmax"), z, 0.0)
    p = _activate(net.activations[-1], z, _softmax(logits, net.outputs))
    terms = _loss_terms(net, z, p)
    counted = net.sampled[:, None] & net.outputs
    return net.scale * jnp.where(counted, terms, 0.0).sum(), jnp.concatenate([net.x[None], outputs, p[None]])


def _activate(number: jax.Array, z: jax.Array, other: jax.Array) -> jax.Array:
    """g(z) for the activation of that number, and what is given for a softmax or a missing layer."""
    values = {"identity": z, "sigmoid": jax.nn.sigmoid(z), "relu": jax.nn.relu(z), "tanh": jnp.tanh(z)}
    choices = [values.get(name, other) for name in ACTIVATIONS]
    return jax.lax.select_n(number, *choices, other)


def _softmax(z: jax.Array, there: jax.Array) -> jax.Array:
    return jax.nn.softmax(jnp.where(there, z, -jnp.inf), axis=1)


def _loss_terms(net: Networks, z: jax.Array, p: jax.Array) -> jax.Array:
    """The terms of the network's loss, from logits where that does not overflow.

    What a network does not use is evaluated at numbers of no consequence, so that nothing infinite reaches a gradient.
    """
    y, sigmoid = net.y, net.activations[-1] == ACTIVATIONS.index("sigmoid")
    crossed = net.loss == LOSS_KINDS.index("cross_entropy")
    binary = net.loss == LOSS_KINDS.index("binary_cross_entropy")
    log_p = jax.nn.log_softmax(jnp.where(net.outputs, jnp.where(crossed, z, 0.0), -jnp.inf), axis=1)
    probability = jnp.where(binary & ~sigmoid & net.outputs, p, 0.5)
    return jnp.select(
        [crossed, binary & sigmoid, binary],
        [
            -y * jnp.where(net.outputs, log_p, 0.0),
            y * _softplus(-z) + (1 - y) * _softplus(z),
            -(jax.scipy.special.xlogy(y, probability) + jax.scipy.special.xlogy(1 - y, 1 - probability)),
        ],
        (p - y) ** 2,
    )


def _softplus(z: jax.Array) -> jax.Array:
    """log(1 + e^z), which is z + log(1 + e^-z) as well.

    The gradient of jax.nn.softplus, e^(z - softplus(z)), is off by about |z| units of roundoff. And the gradient of
    jnp.abs at 0 is 1, which is why -|z| is not written with it.
    """
    positive = z > 0
    return jnp.where(positive, z, 0.0) + jnp.log1p(jnp.exp(jnp.where(positive, -z, z)))


def _functions(x: jax.Array) -> dict[str, jax.Array]:
    """The activations and their derivatives at x."""
    found = {}
    for name, g in (("sigmoid", jax.nn.sigmoid), ("relu", jax.nn.relu), ("tanh", jnp.tanh)):
        found[name] = g(x)
        found[f"{name}_prime"] = jax.grad(lambda z, g=g: g(z).sum())(x)
    return found
