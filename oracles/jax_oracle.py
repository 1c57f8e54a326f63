"""JAX's answer: its own functions in float64, differentiated by `jax.grad`, many networks at a time.

JAX compiles a function anew for every shape, which takes seconds; so networks are padded to one of a few shapes, and
activations and losses are chosen by number inside the compiled function. Nothing of a network depends on its padding:

- missing layers stand in front, where they hand x on unchanged;
- missing neurons have weights and biases 0, and weights 0 in the next layer; in a softmax they have the logit
  -infinity;
- missing samples and outputs are left out of the loss.

What is compiled is kept on disk, in JAX's own persistent cache.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import platformdirs

from oracles.bounds import JAX
from oracles.case import Answer, Case, Quantity
from reference_impl.contract import ACTIVATIONS, Array

DEPTHS, WIDTHS, BATCHES = (4, 8), (8, 32, 64), (8, 32)
STACKED = 32

PASS_ON = len(ACTIVATIONS)  # the number of the activation that a missing layer has
KINDS = ("squared_error", "cross_entropy", "binary_cross_entropy")


class JaxOracle:
    """Every quantity of a case by JAX, in float64 whatever the case's dtype.

    Raises RuntimeError where JAX refuses to compute in float64.
    """

    name = "jax"
    arithmetic = JAX["float64"]

    def __init__(self) -> None:
        if os.environ.get("JAX_ENABLE_X64", "1").lower() in ("0", "false", "off", "no", "n", "f"):
            raise RuntimeError(
                "JAX is told to do without 64-bit floats (JAX_ENABLE_X64 is "
                f"{os.environ['JAX_ENABLE_X64']!r}), and an oracle needs them: unset it, or set it to 1"
            )
        _keep_what_is_compiled()

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64."""
        found: dict[int, Answer] = {}
        with jax.enable_x64(True):
            for shape, numbers in _by_shape(cases):
                found |= dict(zip(numbers, _stacked_answers([cases[i] for i in numbers], shape), strict=True))
        return [found[i] for i in range(len(cases))]


def _keep_what_is_compiled() -> None:
    """Use JAX's cache on disk, in the user's cache folder unless JAX has been given another one."""
    config: Any = jax.config
    if config.jax_compilation_cache_dir is None:
        config.update("jax_compilation_cache_dir", str(platformdirs.user_cache_path("backproof") / "jax"))
        config.update("jax_persistent_cache_min_compile_time_secs", 0)


class Shape(NamedTuple):
    """What a network is padded to: this many layers, neurons and inputs in each, and samples."""

    depth: int
    width: int
    batch: int


def _by_shape(cases: Sequence[Case]) -> Iterator[tuple[Shape, list[int]]]:
    """The cases' numbers in groups of at most `STACKED` that are padded to one shape."""
    groups: dict[Shape, list[int]] = {}
    for i, case in enumerate(cases):
        groups.setdefault(_shape(case), []).append(i)
    for shape, numbers in groups.items():
        for start in range(0, len(numbers), STACKED):
            yield shape, numbers[start : start + STACKED]


def _shape(case: Case) -> Shape:
    needed = (case.depth, max(case.widths), case.n)
    return Shape(*(_round_up(size, steps) for size, steps in zip(needed, (DEPTHS, WIDTHS, BATCHES), strict=True)))


def _round_up(size: int, steps: Sequence[int]) -> int:
    """The first step that is enough; past the last, the next power of two, and one more shape to compile."""
    return next((step for step in steps if step >= size), 1 << (size - 1).bit_length())


class Stack(NamedTuple):
    """S networks padded to one shape of L layers, K neurons and N samples.

    weights (S, L, K, K), biases (S, L, K), and the gradients to try a step with; x and y (S, N, K); activations (S,
    L) and loss (S,) by number; scale (S,): c; samples (S, N), inputs and outputs (S, K): which of them are there;
    alpha (S,).
    """

    weights: Any
    biases: Any
    step_weights: Any
    step_biases: Any
    x: Any
    y: Any
    activations: Any
    loss: Any
    scale: Any
    samples: Any
    inputs: Any
    outputs: Any
    alpha: Any


def _stacked_answers(cases: Sequence[Case], shape: Shape) -> list[Answer]:
    stack = _stack(cases, shape)
    answer = jax.tree.map(np.asarray, _compiled()(stack))
    return [_unpad(case, jax.tree.map(lambda array, i=i: array[i], answer)) for i, case in enumerate(cases)]


def _stack(cases: Sequence[Case], shape: Shape) -> Stack:
    """The cases, and networks of nothing but padding to fill the stack."""
    (L, K, N), S = shape, STACKED
    stack = Stack(
        weights=np.zeros((S, L, K, K)),
        biases=np.zeros((S, L, K)),
        step_weights=np.zeros((S, L, K, K)),
        step_biases=np.zeros((S, L, K)),
        x=np.zeros((S, N, K)),
        y=np.zeros((S, N, K)),
        activations=np.full((S, L), PASS_ON),
        loss=np.zeros(S, int),
        scale=np.ones(S),
        samples=np.zeros((S, N), bool),
        inputs=np.zeros((S, K), bool),
        outputs=np.zeros((S, K), bool),
        alpha=np.zeros(S),
    )
    for s, case in enumerate(cases):
        front = L - case.depth
        step_weights, step_biases = case.step_gradients()
        for arrays, padded in ((case.weights, stack.weights), (step_weights, stack.step_weights)):
            for i, W in enumerate(arrays, front):
                padded[s, i, : W.shape[0], : W.shape[1]] = W
        for arrays, padded in ((case.biases, stack.biases), (step_biases, stack.step_biases)):
            for i, b in enumerate(arrays, front):
                padded[s, i, : b.size] = b
        stack.x[s, : case.n, : case.widths[0]] = case.x
        stack.y[s, : case.n, : case.widths[-1]] = case.y
        stack.activations[s, front:] = [ACTIVATIONS.index(g) for g in case.activations]
        stack.loss[s] = KINDS.index(case.loss_parts.kind)
        stack.scale[s] = case.loss_scale
        stack.samples[s, : case.n] = True
        stack.inputs[s, : case.widths[0]] = True
        stack.outputs[s, : case.widths[-1]] = True
        stack.alpha[s] = case.learning_rate
    return stack


def _unpad(case: Case, answer: dict[str, Array]) -> Answer:
    """One network's answer without its padding."""
    n, widths, front = case.n, case.widths, answer["db"].shape[0] - case.depth
    found = {Quantity("output", 0): case.x.astype(np.float64), Quantity("loss"): answer["loss"]}
    for i in range(1, case.depth + 1):
        k, received = widths[i], widths[i - 1]
        found[Quantity("output", i)] = answer["outputs"][front + i - 1, :n, :k]
        for kind in ("dW", "step_W"):
            found[Quantity(kind, i)] = answer[kind][front + i - 1, :k, :received]
        for kind in ("db", "step_b"):
            found[Quantity(kind, i)] = answer[kind][front + i - 1, :k]
    for quantity in case.quantities:
        if quantity.layer is None and quantity.kind != "loss":
            found[quantity] = answer[quantity.kind][:n, : widths[0]]
    return {quantity: found[quantity] for quantity in case.quantities}


@functools.cache
def _compiled() -> Any:
    """`_network` for a whole stack, compiled once for every shape."""
    return jax.jit(jax.vmap(_network))


def _network(net: Stack) -> dict[str, jax.Array]:
    """All quantities of one padded network."""
    differentiated = jax.value_and_grad(_loss, argnums=(0, 1), has_aux=True)
    (loss, outputs), (dW, db) = differentiated(net.weights, net.biases, net)
    return {
        "outputs": outputs,
        "loss": loss,
        "dW": dW,
        "db": db,
        "step_W": net.weights - net.alpha * net.step_weights,
        "step_b": net.biases - net.alpha * net.step_biases,
        "softmax": _softmax(net.x, net.inputs),
        **_functions(net.x),
    }


def _loss(weights: jax.Array, biases: jax.Array, net: Stack) -> tuple[jax.Array, jax.Array]:
    """The loss, and the outputs of all layers."""

    def layer(a: jax.Array, parameters: tuple[jax.Array, ...]) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        W, b, number = parameters
        z = a @ W.T + b
        values = [z, jax.nn.sigmoid(z), jax.nn.relu(z), jnp.tanh(z), _softmax(z, net.outputs), a]
        output = jax.lax.select_n(number, *values)
        return output, (z, output)

    _, (z, outputs) = jax.lax.scan(layer, net.x, (weights, biases, net.activations))
    terms = _loss_terms(net, z[-1], outputs[-1])
    counted = net.samples[:, None] & net.outputs
    return net.scale * jnp.where(counted, terms, 0.0).sum(), outputs


def _softmax(z: jax.Array, there: jax.Array) -> jax.Array:
    return jax.nn.softmax(jnp.where(there, z, -jnp.inf), axis=1)


def _loss_terms(net: Stack, z: jax.Array, p: jax.Array) -> jax.Array:
    """The terms of the network's loss, from logits where that does not overflow.

    What a network does not use is evaluated at numbers of no consequence, so that nothing infinite reaches a gradient.
    """
    y, sigmoid = net.y, net.activations[-1] == ACTIVATIONS.index("sigmoid")
    crossed = net.loss == KINDS.index("cross_entropy")
    binary = net.loss == KINDS.index("binary_cross_entropy")
    log_p = jax.nn.log_softmax(jnp.where(net.outputs, z, -jnp.inf), axis=1)
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
