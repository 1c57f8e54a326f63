"""Error bounds of whole networks: forward, loss, backward, and the single functions of the contract.

Notation: z and a are the pre-activation and output of a layer, delta = dL/dz; A, S, n, k and the ledger as in
`oracles.bounds.deviation`. Layers are counted from 0, as in `oracles.stack`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oracles.bounds.activations import (
    activate,
    sigmoid_curve,
    sigmoid_error,
    sigmoid_prime_error,
    softmax,
    softmax_error,
    tanh_curve,
    tanh_error,
    tanh_prime_error,
    times_derivative,
    undecided,
)
from oracles.bounds.arithmetic import Arithmetic
from oracles.bounds.deviation import (
    Deviation,
    Ledger,
    if_exact,
    is_power_of_two,
    joined,
    largest_common_power,
    product_quantum,
    working_error,
)
from oracles.bounds.losses import Output, loss_error, output_delta
from oracles.case import Answer, Case
from oracles.stack import LOSS_KINDS, Flat, Stack, stacks
from reference_impl.contract import ACTIVATIONS, Array

# Of numbers with more binary digits than this no product is exact, but for powers of two: not worth following.
FEW_DIGITS = 40

# How many numbers a layer has in the stacks over which rounding errors are followed.
FOLLOWED_LAYER_SIZE = 1 << 10


@dataclass(frozen=True)
class Bounds:
    """For each arithmetic asked for, the bound of every quantity, and the number of neurons too near a kink.

    undecided: for each arithmetic, in how many (sample, neuron) pairs rounding may decide a ReLU's side of 0.
    """

    allowances: tuple[Answer, ...]
    undecided: tuple[int, ...]


@dataclass(frozen=True)
class StackBounds:
    """The same for a stack: allowances by kind (A, ...), and the neurons too near a kink (A, S)."""

    allowances: Flat
    undecided: Array


def bounds(cases: Sequence[Case], arithmetics: Sequence[Arithmetic], *, componentwise: bool = False) -> list[Bounds]:
    """The error bounds of each case under each arithmetic: entries >= 0, and infinite where nothing can be said.

    componentwise: with no rounding error followed by itself.
    """
    found: dict[int, Bounds] = {}
    for stack in stacks(cases):
        both = stack_bounds(stack, arithmetics, componentwise=componentwise)
        answers = [
            stack.split({kind: array[i] for kind, array in both.allowances.items()}) for i in range(len(arithmetics))
        ]
        for s, (number, *allowances) in enumerate(zip(stack.numbers, *answers, strict=True)):
            found[number] = Bounds(tuple(allowances), tuple(both.undecided[:, s].tolist()))
    return [found[number] for number in range(len(cases))]


def stack_bounds(stack: Stack, arithmetics: Sequence[Arithmetic], *, componentwise: bool = False) -> StackBounds:
    """The error bounds of a stack's cases, as `bounds` has them."""
    if componentwise:
        return _stack_bounds(stack, arithmetics, componentwise=True)
    # What is followed takes much memory: of fewer networks it stays in a processor's cache.
    networks = max(1, FOLLOWED_LAYER_SIZE // (stack.shape.width * stack.shape.batch))
    parts = [_stack_bounds(piece, arithmetics, componentwise=False) for piece in stack.pieces(networks)]
    return StackBounds(
        {kind: np.concatenate([part.allowances[kind] for part in parts], axis=-1) for kind in stack.sizes},
        np.concatenate([part.undecided for part in parts], axis=-1),
    )


def _stack_bounds(stack: Stack, arithmetics: Sequence[Arithmetic], *, componentwise: bool) -> StackBounds:
    capacity = None if componentwise else 2 * sum(stack.widest[1:]) + stack.widest[-1]
    with np.errstate(all="ignore"):
        ledger = Ledger(arithmetics, (len(stack.cases), stack.shape.batch), capacity)
        passes = _Passes(stack, ledger)
        found = {**passes.allowances(), **_functions(stack, ledger), **_steps(stack, ledger)}
        known = {kind: np.where(np.isnan(found[kind]), np.inf, found[kind]) for kind in stack.sizes}
    return StackBounds(known, passes.undecided())


class _Passes:
    """The forward pass over a stack, and what the backward pass needs of it."""

    def __init__(self, stack: Stack, ledger: Ledger) -> None:
        self.stack, self.ledger = stack, ledger
        # Each layer without the neurons that no network has.
        self.weights = {
            t: stack.weights[: stack.active[t], t, : stack.widest[t + 1], : stack.widest[t]] for t in stack.layers
        }
        self.absolute_weights = {t: np.abs(W) for t, W in self.weights.items()}
        self.nonzero = {t: (W != 0).astype(float) for t, W in self.weights.items()}
        self.received: dict[int, Deviation] = {}
        self.z: dict[int, Deviation] = {}
        self.outputs: dict[int, Deviation] = {}
        self._forward()

    def _forward(self) -> None:
        """What every layer receives, its pre-activation and its output, for the networks that have the layer."""
        stack, ledger = self.stack, self.ledger
        x, before = ledger.exact(stack.x[:, :, : max(stack.widest)], _input_quantum(stack, ledger)), 0
        for t in stack.layers:
            networks = stack.active[t]
            begin = [(slice(before, networks), x.of(slice(before, networks)))] if before < networks else []
            go_on = [(slice(0, before), self.outputs[t - 1])] if before else []
            self.received[t] = joined([*go_on, *begin], networks).narrowed(stack.widest[t])
            z = self._affine(t, self.received[t])
            self.z[t] = ledger.settle(z) if t == stack.shape.depth - 1 else z
            self.outputs[t] = ledger.settle(self._by_activation(t, self._activate))
            before = networks

    def _affine(self, t: int, a: Deviation) -> Deviation:
        """z = a W^T + b: a rounding for each product that is not 0 and, where there are products, one for the bias."""
        ledger, W = self.ledger, self.weights[t]
        b = self.stack.biases[: len(W), t, None, : W.shape[1]]
        W_t, absolute_W_t = W.transpose(0, 2, 1), self.absolute_weights[t].transpose(0, 2, 1)
        products = a.possible @ self.nonzero[t].transpose(0, 2, 1)
        added = products + (products > 0) * (b != 0)
        off = a.size @ absolute_W_t
        quantum = product_quantum(a, W)
        if quantum is not None:
            quantum = np.minimum(quantum, largest_common_power(b))
        rounding = ledger.product_error(a.absolute @ absolute_W_t + np.abs(b) + off, added, quantum)
        rest = off if a.linear is None else a.rest @ absolute_W_t
        return ledger.deviation(
            a.value @ W_t + b,
            a.linear if a.linear is None else np.matmul(W[:, None], a.linear),
            rest=rest + working_error(W.shape[-1]) * off,
            rounding=rounding,
            quantum=if_exact(quantum, a, rounding),
        )

    def _by_activation(self, t: int, function: Callable[[Ledger, int, Array | slice, str], Deviation]) -> Deviation:
        """What a function gives for the networks with each activation in a layer, together."""
        networks = self.stack.active[t]
        numbers = self.stack.activations[:networks, t]
        present = np.unique(numbers).tolist()
        parts = []
        for number in present:
            chosen = slice(0, networks) if len(present) == 1 else np.flatnonzero(numbers == number)
            parts.append((chosen, function(self.ledger.of(chosen), t, chosen, ACTIVATIONS[number])))
        return joined(parts, networks)

    def _activate(self, ledger: Ledger, t: int, chosen: Array | slice, activation: str) -> Deviation:
        return activate(
            ledger, self.z[t].of(chosen), activation, self.stack.there[chosen, t + 1, None, : self.stack.widest[t + 1]]
        )

    def undecided(self) -> Array:
        """In how many (sample, neuron) pairs rounding may decide a ReLU's side of 0, (A, S)."""
        stack = self.stack
        found = np.zeros((len(self.ledger.u), len(stack.cases)), int)
        for t, z in self.z.items():
            relu = stack.activations[: len(z.value), t] == ACTIVATIONS.index("relu")
            there = stack.there[: len(relu), t + 1, None, : stack.widest[t + 1]]
            real = (relu[:, None] & stack.sampled[: len(relu)])[:, :, None] & there
            found[:, : len(relu)] += (undecided(z) & real).sum(axis=(2, 3))
        return found

    def allowances(self) -> Flat:
        """The bounds of all outputs, of the loss, and of dW_t = delta_t^T a_t and db_t, delta_t's sum over samples."""
        stack, ledger = self.stack, self.ledger
        kinds = ("output", "loss", "dW", "db")
        found = {kind: np.zeros((len(ledger.u), *stack.array_shape(kind))) for kind in kinds}
        for t, a in self.outputs.items():
            found["output"][:, : len(a.value), t + 1, :, : stack.widest[t + 1]] = a.size
        delta, found["loss"] = self._last_layer()
        for t in reversed(stack.layers):
            S, k, received = stack.active[t], stack.widest[t + 1], stack.widest[t]
            found["dW"][:, :S, t, :k, :received] = _product_over_samples(ledger, delta, self.received[t])
            found["db"][:, :S, t, :k] = _sum_over_samples(ledger, delta)
            if t > stack.layers.start:
                S = stack.active[t - 1]
                self._arriving = self._times_weights(t, delta.of(slice(0, S)))
                delta = ledger.settle(self._by_activation(t - 1, self._times_derivative))
        return stack.flat(found)

    def _last_layer(self) -> tuple[Deviation, Array]:
        """delta of the last layer, and the bound of the loss (A, S)."""
        stack, last = self.stack, self.stack.shape.depth - 1
        k, deltas, loss = stack.widest[-1], [], np.zeros((len(self.ledger.u), len(stack.cases)))
        for chosen, activation, kind in _outputs(stack):
            ledger = self.ledger.of(chosen)
            counted = stack.sampled[chosen][:, :, None] & stack.there[chosen, -1][:, None, :k]
            output = Output(
                z=self.z[last].of(chosen),
                p=self.outputs[last].of(chosen),
                y=stack.y[chosen][:, :, :k],
                c=stack.scale[chosen][:, None, None],
                counted=counted,
                tiny=ledger.tiny * counted,
                activation=activation,
                kind=kind,
            )
            loss[:, chosen] = loss_error(ledger, output)
            deltas.append((chosen, output_delta(ledger, output)))
        return self.ledger.settle(joined(deltas, len(stack.cases))), loss

    def _times_weights(self, t: int, delta: Deviation) -> Deviation:
        """h = delta W, what arrives at the layer before; its spread counts in second order only: a coarse one does."""
        S = len(delta.value)
        W, absolute_W = self.weights[t][:S], self.absolute_weights[t][:S]
        quantum, off = product_quantum(delta, W), delta.size @ absolute_W
        terms = delta.possible @ self.nonzero[t][:S]
        rounding = self.ledger.product_error(delta.absolute @ absolute_W + off, terms, quantum)
        followed = delta.linear is not None
        return self.ledger.deviation(
            delta.value @ W,
            np.matmul(W.transpose(0, 2, 1)[:, None], delta.linear) if delta.linear is not None else None,
            rest=(delta.rest @ absolute_W if followed else off) + working_error(W.shape[-1]) * off,
            rounding=rounding,
            spread=delta.spread @ absolute_W if followed else 0.0,
            quantum=if_exact(quantum, delta, rounding),
        )

    def _times_derivative(self, ledger: Ledger, t: int, chosen: Array | slice, activation: str) -> Deviation:
        tiny = ledger.tiny * self.stack.sampled[chosen][:, :, None]
        return times_derivative(ledger, self._arriving.of(chosen), self.z[t].of(chosen), activation, tiny)


def _outputs(stack: Stack) -> Iterator[tuple[Array, str, Any]]:
    """The networks with each pair of last activation and kind of loss."""
    pairs = stack.activations[:, -1] * len(LOSS_KINDS) + stack.loss
    for pair in np.unique(pairs).tolist():
        activation, kind = divmod(pair, len(LOSS_KINDS))
        yield np.flatnonzero(pairs == pair), ACTIVATIONS[activation], LOSS_KINDS[kind]


def _input_quantum(stack: Stack, ledger: Ledger) -> Array | None:
    """The power of two that divides all inputs of a network; None where no network's inputs have few digits."""
    power = largest_common_power(stack.x)
    largest = np.abs(stack.x).max(axis=(1, 2), keepdims=True)
    if not np.any(power >= largest * 2.0**-FEW_DIGITS):
        return None
    return np.broadcast_to(power, (len(ledger.u), *power.shape))


def _product_over_samples(ledger: Ledger, delta: Deviation, a: Deviation) -> Array:
    """delta^T a, (A, S, k_i, k_{i-1}): what its factors are off by, and the rounding of sums over samples."""
    absolute_t = delta.absolute.transpose(0, 2, 1)
    off = delta.size.transpose(0, 1, 3, 2) @ a.magnitude + (absolute_t + delta.size.transpose(0, 1, 3, 2)) @ a.size
    quantum = None if delta.quantum is None or a.quantum is None else delta.quantum * a.quantum
    terms = delta.possible.transpose(0, 2, 1) @ a.possible
    return off + ledger.product_error(absolute_t @ a.absolute + off, terms, quantum)


def _sum_over_samples(ledger: Ledger, delta: Deviation) -> Array:
    """The column sums of delta, (A, S, k_i): one addition less than there are terms."""
    additions = np.maximum(delta.possible.sum(axis=1, keepdims=True) - 1, 0)
    rounding = ledger.sum_error(delta.magnitude.sum(axis=2, keepdims=True), additions, delta.quantum)
    return (delta.size.sum(axis=2, keepdims=True) + rounding)[:, :, 0, :]


def _functions(stack: Stack, ledger: Ledger) -> Flat:
    """The bounds of the activations and their derivatives at x, which is exact."""
    x = stack.flat({"sigmoid": stack.x})["sigmoid"][None, None, :]
    sigmoid, tanh, A = sigmoid_curve(x), tanh_curve(x), len(ledger.u)
    there = stack.inputs[:, None, :]
    elementwise = {
        "sigmoid": sigmoid_error(ledger, sigmoid),
        "sigmoid_prime": sigmoid_prime_error(ledger, sigmoid),
        "relu": np.zeros((A, x.size)),
        "relu_prime": np.zeros((A, x.size)),
        "tanh": tanh_error(ledger, tanh),
        "tanh_prime": tanh_prime_error(ledger, tanh),
    }
    return {
        **{kind: error.reshape(A, -1) for kind, error in elementwise.items()},
        **stack.flat({"softmax": softmax_error(ledger, stack.x, softmax(stack.x, there), there)}),
    }


def _steps(stack: Stack, ledger: Ledger) -> Flat:
    """The bounds of w - alpha g, for the gradients that the cases try the step with.

    alpha and the product round, and the difference does.
    """
    found = {}
    for kind, w, g in (
        ("step_W", stack.weights, stack.step_weights),
        ("step_b", stack.biases, stack.step_biases),
    ):
        alpha = stack.learning_rate.reshape(-1, *[1] * (w.ndim - 1))
        step, u, tiny = alpha * g, *(column.reshape(-1, *[1] * w.ndim) for column in (ledger.u, ledger.tiny))
        error, total = u * (3 * np.abs(step) + np.abs(w - step)) + 2 * tiny, np.abs(w) + np.abs(step)
        quantum: Array | float = 0.0
        if (exact := is_power_of_two(stack.learning_rate)).any():
            powers = (largest_common_power(array.reshape(-1, *array.shape[2:], 1)) for array in (w, g))
            quantum = np.minimum(*powers).reshape(len(alpha), -1, *[1] * (w.ndim - 2))
            quantum = quantum * np.minimum(alpha, 1) * exact.reshape(alpha.shape)
        error = np.where(total <= quantum / u, 0.0, error)
        found[kind] = error
    return stack.flat(found)
