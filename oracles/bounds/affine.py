"""Affine bounds of whole networks: every rounding error is followed, forward, through the loss, and back.

Notation: z and a are the pre-activation and output of a layer, delta = dL/dz; A, S, N, K, F and the ledger as in
`oracles.bounds.deviation`. Layers are counted from 0, as in `oracles.stack`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from backproof.oracles.bounds.activations import (
    activate,
    sigmoid_curve,
    sigmoid_error,
    sigmoid_prime_error,
    softmax,
    softmax_deviation,
    softmax_error,
    tanh_curve,
    tanh_error,
    tanh_prime_error,
    times_derivative,
    undecided,
)
from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.bounds.deviation import (
    Deviation,
    Factor,
    Ledger,
    by_entry,
    common_power_of_some,
    have_few_digits,
    if_exact,
    is_power_of_two,
    joined,
    largest_common_power,
    product_quantum,
    working_error,
)
from backproof.oracles.bounds.entries import Entries
from backproof.oracles.bounds.losses import Output, loss_error, output_delta
from backproof.oracles.stack import LOSS_KINDS, Flat, Stack
from backproof.reference_impl.contract import ACTIVATIONS, Array, LossKind

# After which activations, by their numbers, what was exact still is.
KEEPING = np.isin(ACTIVATIONS, ["identity", "relu"])


def passes(stack: Stack, arithmetics: list[Arithmetic]) -> tuple[Flat, Array]:
    """The bounds of outputs, loss and gradients by kind (A, ...), and the neurons too near a kink (A, S)."""
    shape, capacity = (len(stack.cases), stack.longest), 2 * sum(stack.widest[1:]) + stack.widest[-1]
    with np.errstate(all="ignore"):
        found = _Passes(stack, Ledger(arithmetics, shape, capacity))
        return {kind: _known(array) for kind, array in found.allowances().items()}, found.undecided()


def functions(stack: Stack, arithmetics: Sequence[Arithmetic]) -> Flat:
    """The bounds of the activations and their derivatives at x, and of the step, by kind (A, ...)."""
    with np.errstate(all="ignore"):
        ledger = Ledger(arithmetics, (len(stack.cases), stack.longest), 0)
        return {kind: _known(array) for kind, array in (_functions(stack, ledger) | _steps(stack, ledger)).items()}


def _known(array: Array) -> Array:
    """Infinite where nothing can be said."""
    return np.where(np.isnan(array), np.inf, array)


class _Passes:
    """The forward pass over a stack, and what the backward pass needs of it."""

    def __init__(self, stack: Stack, ledger: Ledger) -> None:
        self.stack, self.ledger = stack, ledger
        self.entries = {t: Entries.of_layer(stack, t) for t in stack.layers}
        # Each layer without the neurons that no network has.
        self.weights = {
            t: stack.weights[: stack.active[t], t, : stack.widest[t + 1], : stack.widest[t]] for t in stack.layers
        }
        self.absolute_weights = {t: np.abs(W) for t, W in self.weights.items()}
        self.nonzero = {t: (W != 0).astype(float) for t, W in self.weights.items()}
        self.received: dict[int, Factor] = {}
        self.z: dict[int, Deviation] = {}
        self.outputs: dict[int, Deviation] = {}
        self._forward()

    def _forward(self) -> None:
        """What every layer receives, its pre-activation and its output, for the networks that have the layer."""
        stack, ledger, last = self.stack, self.ledger, self.stack.depth - 1
        quantum = _input_quantum(stack, ledger)
        for t in stack.layers:
            S = stack.active[t]
            x = ledger.exact(
                stack.x[:S, : stack.longest, : stack.widest[t]], None if quantum is None else quantum[:, :S]
            )
            self.received[t] = x if t - 1 not in self.outputs else self._after(t, x)
            z = self._affine(t, self.received[t])
            self.z[t] = ledger.settle(z, self.entries[t]) if t == last else z
            a = self._softmaxed() if t == last else self._by_activation(t, self._activate)
            quantum_of_z = self.z[t].quantum
            if quantum_of_z is not None:
                a = replace(a, quantum=np.where(KEEPING[stack.activations[:S, t]], quantum_of_z, 0.0))
            self.outputs[t] = ledger.settle(a, self.entries[t])

    def _after(self, t: int, x: Factor) -> Factor:
        """What layer t receives: the outputs of the layer before, where there is one, else x."""
        before = self.ledger.factor(self.outputs[t - 1], self.entries[t - 1])
        S = len(before.value)
        value, rest, size = x.value.copy(), x.rest.copy(), x.size.copy()
        value[:S], rest[:, :S], size[:, :S] = before.value, before.rest, before.size
        linear = np.zeros((*value.shape, before.linear.shape[3]))
        linear[:S] = before.linear
        quantum = None
        if x.quantum is not None and before.quantum is not None:
            quantum = np.concatenate([before.quantum, x.quantum[:, S:]], axis=1)
        return Factor(value, linear, rest, size, quantum)

    def _affine(self, t: int, a: Factor) -> Deviation:
        """z = a W^T + b: a rounding for each product that is not 0 and, where there are products, one for the bias."""
        ledger, entries, W = self.ledger, self.entries[t], self.weights[t]
        b = self.stack.biases[: len(W), t, None, : W.shape[1]]
        W_t, absolute_W_t = W.transpose(0, 2, 1), self.absolute_weights[t].transpose(0, 2, 1)
        products = entries.in_line(a.possible @ self.nonzero[t].transpose(0, 2, 1))
        biased = entries.in_line(np.broadcast_to(b != 0, entries.shape))
        off = entries.in_line(a.size @ absolute_W_t)
        magnitude = entries.in_line(a.absolute @ absolute_W_t + np.abs(b)) + off
        quantum = product_quantum(a, W)
        if quantum is not None:
            quantum = np.minimum(quantum, largest_common_power(b))
        value, terms = entries.in_line(a.value @ W_t + b), products + (products > 0) * biased
        rounding = ledger.product_error(magnitude, np.abs(value) + off, terms, by_entry(quantum, entries))
        linear = entries.vectors_in_line(np.matmul(W[:, None], a.linear))
        return Deviation(
            value,
            linear,
            rest=entries.in_line(a.rest @ absolute_W_t) + working_error(W.shape[2]) * off,
            rounding=rounding,
            spread=ledger.spread(linear, entries),
            quantum=if_exact(quantum, a.wrong, rounding, entries) if quantum is not None else None,
        )

    def _by_activation(self, t: int, function: Callable[[int, Array | None, str], Deviation]) -> Deviation:
        """What a function gives for the entries with each activation in a layer, together; None stands for all."""
        entries = self.entries[t]
        numbers = self.stack.activations[: self.stack.active[t], t]
        present = np.flatnonzero(np.bincount(numbers)).tolist()
        if len(present) == 1:
            return replace(function(t, None, ACTIVATIONS[present[0]]), quantum=None)
        of_entries = numbers[entries.networks]
        parts: list[tuple[Array | slice, Deviation]] = []
        for number in present:
            chosen = np.flatnonzero(of_entries == number)
            parts.append((chosen, function(t, chosen, ACTIVATIONS[number])))
        return joined(parts, len(entries.places))

    def _activate(self, t: int, chosen: Array | None, activation: str) -> Deviation:
        z = self.z[t]
        return activate(self.ledger, z if chosen is None else z.of(chosen), activation)

    def _softmaxed(self) -> Deviation:
        """The outputs of the last layer, where a softmax is possible."""
        t = self.stack.depth - 1
        soft = np.flatnonzero(self.stack.activations[:, t] == ACTIVATIONS.index("softmax"))
        if not soft.size:
            return self._by_activation(t, self._activate)
        chosen, entries = self.entries[t].of(soft)
        ledger = self.ledger.of(soft)
        a = softmax_deviation(ledger, self.z[t].of(chosen), entries)
        a = replace(a, spread=ledger.spread(a.linear, entries))

        def activated(t: int, some: Array | None, activation: str) -> Deviation:
            return a if activation == "softmax" else self._activate(t, some, activation)

        return self._by_activation(t, activated)

    def undecided(self) -> Array:
        """In how many (sample, neuron) pairs rounding may decide a ReLU's side of 0, (A, S)."""
        found = np.zeros((len(self.ledger.u), len(self.stack.cases)), int)
        for t, z in self.z.items():
            entries, networks = self.entries[t], self.stack.active[t]
            relu = self.stack.activations[:networks, t] == ACTIVATIONS.index("relu")
            if relu.any():
                unsure = (undecided(z) & relu[entries.networks]).astype(int)
                found[:, :networks] += entries.over_networks(np.add, unsure)
        return found

    def allowances(self) -> Flat:
        """The bounds of all outputs, of the loss, and of dW_t = delta_t^T a_t and db_t, delta_t's sum over samples."""
        stack, ledger = self.stack, self.ledger
        kinds = ("output", "dW", "db")
        found = {kind: np.zeros((len(ledger.u), int(stack.sizes[kind].sum()))) for kind in kinds}
        for t, a in self.outputs.items():
            found["output"][:, stack.line_of("output", t)] = a.size
        delta, found["loss"] = self._last_layer()
        for t in reversed(stack.layers):
            entries, W = self.entries[t], self.weights[t]
            d = ledger.factor(ledger.settle(delta, entries), entries)
            neurons, inputs = stack.there[: len(W), t + 1, : W.shape[1]], stack.there[: len(W), t, : W.shape[2]]
            weights = np.flatnonzero(neurons[:, :, None] & inputs[:, None, :])
            found["dW"][:, stack.line_of("dW", t)] = _product_over_samples(ledger, d, self.received[t], weights)
            found["db"][:, stack.line_of("db", t)] = _sum_over_samples(ledger, d, np.flatnonzero(neurons))
            if t > stack.layers.start:
                delta = self._hidden_delta(t, d.of(stack.active[t - 1]))
        return found

    def _last_layer(self) -> tuple[Deviation, Array]:
        """delta of the last layer, and the bound of the loss (A, S)."""
        stack, t = self.stack, self.stack.depth - 1
        whole = self.entries[t]
        y = whole.in_line(stack.y[:, : stack.longest, : stack.widest[-1]])
        deltas: list[tuple[Array | slice, Deviation]] = []
        loss = np.zeros((len(self.ledger.u), len(stack.cases)))
        quantum: Array | None = None
        for networks, activation, kind in _outputs(stack):
            ledger = self.ledger.of(networks)
            chosen, entries = whole.of(networks)
            of_p = self.outputs[t].quantum
            output = Output(
                entries=entries,
                z=self.z[t].of(chosen),
                p=self.outputs[t].of(chosen),
                y=y[chosen],
                scale=stack.scale[networks],
                quantum=None if of_p is None else of_p[:, networks],
                activation=activation,
                kind=kind,
            )
            loss[:, networks] = loss_error(ledger, output)
            delta = output_delta(ledger, output)
            deltas.append((chosen, delta))
            if delta.quantum is not None:
                quantum = np.zeros_like(loss) if quantum is None else quantum
                quantum[:, networks] = delta.quantum
        if len(deltas) == 1:  # whose entries are all of them, in their order
            deltas = [(slice(None), deltas[0][1])]
        return replace(self._spread(joined(deltas, len(whole.places)), whole), quantum=quantum), loss

    def _spread(self, delta: Deviation, entries: Entries) -> Deviation:
        """The deviation with the spread that its J has."""
        return replace(delta, spread=self.ledger.spread(delta.linear, entries))

    def _hidden_delta(self, t: int, delta: Factor) -> Deviation:
        """delta of the layer before layer t."""
        h, z, entries = self._times_weights(t, delta), self.z[t - 1], self.entries[t - 1]

        def derived(_: int, chosen: Array | None, activation: str) -> Deviation:
            arriving, at = (h, z) if chosen is None else (h.of(chosen), z.of(chosen))
            return times_derivative(self.ledger, arriving, at, activation)

        found = self._spread(self._by_activation(t - 1, derived), entries)
        if h.quantum is None:
            return found
        numbers = self.stack.activations[: self.stack.active[t - 1], t - 1]
        unsure = entries.over_networks(np.logical_or, undecided(z)) & (numbers == ACTIVATIONS.index("relu"))
        return replace(found, quantum=np.where(KEEPING[numbers] & ~unsure, h.quantum, 0.0))

    def _times_weights(self, t: int, delta: Factor) -> Deviation:
        """h = delta W, what arrives at the layer before; its spread counts in second order only: a coarse one does."""
        S, entries = len(delta.value), self.entries[t - 1]
        W, absolute_W = self.weights[t][:S], self.absolute_weights[t][:S]
        quantum, off = product_quantum(delta, W), entries.in_line(delta.size @ absolute_W)
        terms = entries.in_line(delta.possible @ self.nonzero[t][:S])
        magnitude = entries.in_line(delta.absolute @ absolute_W) + off
        value = entries.in_line(delta.value @ W)
        rounding = self.ledger.product_error(magnitude, np.abs(value) + off, terms, by_entry(quantum, entries))
        linear = entries.vectors_in_line(np.matmul(W.transpose(0, 2, 1)[:, None], delta.linear))
        rest = entries.in_line(delta.rest @ absolute_W)
        return Deviation(
            value,
            linear,
            rest=rest + working_error(W.shape[1]) * off,
            rounding=rounding,
            spread=np.maximum(off - rest, 0.0),
            quantum=if_exact(quantum, delta.wrong, rounding, entries) if quantum is not None else None,
        )


def _outputs(stack: Stack) -> Iterator[tuple[Array, str, LossKind]]:
    """The networks with each pair of last activation and kind of loss."""
    pairs = stack.activations[:, -1] * len(LOSS_KINDS) + stack.loss
    for pair in np.flatnonzero(np.bincount(pairs)).tolist():
        activation, kind = divmod(pair, len(LOSS_KINDS))
        yield np.flatnonzero(pairs == pair), ACTIVATIONS[activation], LOSS_KINDS[kind]


def _input_quantum(stack: Stack, ledger: Ledger) -> Array | None:
    """The power of two that divides all inputs of a network, (A, S), 0 for many digits; None where all have many."""
    few = have_few_digits(stack.x)
    if not few.any():
        return None
    return np.broadcast_to(common_power_of_some(stack.x, few), (len(ledger.u), len(few)))


def _product_over_samples(ledger: Ledger, delta: Factor, a: Factor, places: Array) -> Array:
    """delta^T a at some places of (S, K_i, K_{i-1}): what its factors are off by, and the rounding of sums."""

    def in_line(array: Array) -> Array:
        return array.reshape(*array.shape[:-3], -1)[..., places]

    absolute_t, size_t = delta.absolute.transpose(0, 2, 1), delta.size.transpose(0, 1, 3, 2)
    off = in_line(size_t @ a.magnitude + (absolute_t + size_t) @ a.size)
    terms = in_line(delta.possible.transpose(0, 2, 1) @ a.possible)
    quantum = None
    if delta.quantum is not None and a.quantum is not None:
        _, K, received = (len(absolute_t), delta.value.shape[2], a.value.shape[2])
        quantum = (delta.quantum * a.quantum)[:, places // (K * received)]
    total = in_line(np.abs(delta.value.transpose(0, 2, 1) @ a.value)) + off
    return off + ledger.product_error(in_line(absolute_t @ a.absolute) + off, total, terms, quantum)


def _sum_over_samples(ledger: Ledger, delta: Factor, places: Array) -> Array:
    """The column sums of delta at some places of (S, K_i): one addition less than there are terms."""

    def in_line(array: Array) -> Array:
        return array.reshape(*array.shape[:-2], -1)[..., places]

    additions = np.maximum(in_line(delta.possible.sum(axis=1)) - 1, 0)
    off = in_line(delta.size.sum(axis=2))
    quantum = None if delta.quantum is None else delta.quantum[:, places // delta.value.shape[2]]
    total = in_line(np.abs(delta.value.sum(axis=1))) + off
    return off + ledger.sum_error(in_line(delta.absolute.sum(axis=1)) + off, total, additions, quantum)


def _functions(stack: Stack, ledger: Ledger) -> Flat:
    """The bounds of the activations and their derivatives at x, which is exact."""
    x, A = stack.lines.x, len(ledger.u)
    sigmoid, tanh = sigmoid_curve(x), tanh_curve(x)
    inputs = Entries(stack.x.shape, np.flatnonzero(stack.sampled[:, :, None] & stack.inputs[:, None, :]))
    return {
        "sigmoid": sigmoid_error(ledger.roundoff, sigmoid),
        "sigmoid_prime": sigmoid_prime_error(ledger.roundoff, sigmoid),
        "relu": np.zeros((A, x.size)),
        "relu_prime": np.zeros((A, x.size)),
        "tanh": tanh_error(ledger.roundoff, tanh),
        "tanh_prime": tanh_prime_error(ledger.roundoff, tanh),
        "softmax": softmax_error(ledger, x, softmax(x, inputs), inputs),
    }


def _steps(stack: Stack, ledger: Ledger) -> Flat:
    """The bounds of w - alpha g, for the gradients that the cases try the step with.

    alpha and the product round, and the difference does.
    """
    found = {}
    given = stack.lines
    for kind, w, g, *lines in (
        ("step_W", stack.weights, stack.step_weights, given.weights, given.step_weights),
        ("step_b", stack.biases, stack.step_biases, given.biases, given.step_biases),
    ):
        powers = _step_quantum(stack, w, g)
        alpha = np.repeat(stack.learning_rate, stack.sizes[kind])
        step = alpha * lines[1]
        error = ledger.u * (3 * np.abs(step) + np.abs(lines[0] - step))
        error += np.where((lines[0] != 0) | (lines[1] != 0), 2 * ledger.tiny, 0.0)
        quantum = 0.0 if powers is None else stack.flat({kind: np.broadcast_to(powers, w.shape)})[kind]
        found[kind] = np.where(ledger.exactly(np.abs(lines[0]) + np.abs(step), quantum), 0.0, error)
    return found


def _step_quantum(stack: Stack, w: Array, g: Array) -> Array | None:
    """For each layer's w and alpha g a power of two that divides their entries; None where no network has one.

    It is 0 where alpha is no power of two, or the entries have many digits.
    """
    exact = np.flatnonzero(is_power_of_two(stack.learning_rate) & have_few_digits(w) & have_few_digits(g))
    if not exact.size:
        return None
    powers = (largest_common_power(array[exact].reshape(-1, *array.shape[2:])) for array in (w, g))
    layers = np.zeros(w.shape[:2])
    layers[exact] = np.minimum(*powers).reshape(len(exact), -1)
    return (layers * np.minimum(stack.learning_rate, 1)[:, None]).reshape(*layers.shape, *[1] * (w.ndim - 2))
