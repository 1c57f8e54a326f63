"""Exact mode: networks whose every operation is exact, worked out where nothing rounds.

With small integers, or few binary digits, under identity and ReLU, a squared error and means over powers of two,
nothing rounds. That is proven here and not hoped for. Where all terms of a sum are multiples of q, a power of two, and
their absolute values sum up to no more than 2^p q, every sum of some of them is a number of p binary digits: no order
of additions rounds. So it is worked out for each quantity how many digits the operations need that lead to it. Where
the precision has them, there is one right answer, to the bit. Worked out in float64, as is done here for many networks
at a time, it is the rational number: float64 has the digits of every precision that is judged.

To the bit, but for the sign of a zero: a rational 0 has none. Which one floating-point arithmetic gives it, in -1 * 0
or in x - x, depends on the order of operations, and the contract leaves that open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from oracles.bounds.deviation import have_few_digits, is_power_of_two, largest_common_power
from oracles.case import Answer, Case, Quantity
from oracles.stack import LOSS_KINDS, PASS_ON, Stack, shape_of, stack_of
from reference_impl.contract import ACTIVATIONS, Array

# The binary digits of a dtype's numbers, and the smallest power of two that the terms of a sum may be multiples of.
DIGITS = {"float64": 53, "float32": 24}
SMALLEST_QUANTUM = {"float64": 2.0**-1022, "float32": 2.0**-126}

RELU = ACTIVATIONS.index("relu")
RATIONAL = [ACTIVATIONS.index("identity"), RELU, PASS_ON]

UNKNOWN = -1  # the digits of what may be rounded


@dataclass(frozen=True)
class Exact:
    """The exact values of some quantities of a case, and how many binary digits the operations for each need."""

    values: Answer = field(default_factory=dict)
    digits: dict[Quantity, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ExactStack:
    """The same for a stack's networks, by kind of quantity.

    values: the stack's arrays, as `Stack.array_shape` has them. digits: (S, L + 1) for outputs, (S, 1) for the loss,
    else (S, L); -1 where an operation may round.
    """

    values: dict[str, Array]
    digits: dict[str, Array]

    def known(self, kind: str) -> Array:
        """Which numbers are exact, in the shape of the values."""
        digits, shape = self.digits[kind], self.values[kind].shape
        return np.broadcast_to((digits != UNKNOWN).reshape(digits.shape[: len(shape)] + (1,) * (len(shape) - 2)), shape)


def exact_answer(case: Case) -> Exact:
    """The quantities of a case for which no operation rounds in the case's dtype.

    Looked at are outputs, loss, gradients and descent steps; none of them where an activation is not rational, or the
    loss has a logarithm.
    """
    stack, found = stack_of([case], [0], shape_of(case)), Exact()
    exact = exact_stack(stack)
    if exact is None:
        return found
    others = {kind: np.zeros(stack.array_shape(kind)) for kind in stack.sizes if kind not in exact.values}
    (values,) = stack.split(stack.flat(exact.values | others))
    for quantity, value in values.items():
        if quantity.kind in others:
            continue
        digits = exact.digits[quantity.kind][0]
        place = 0 if quantity.layer is None else len(digits) - 1 - case.depth + quantity.layer
        if digits[place] != UNKNOWN:
            found.values[quantity], found.digits[quantity] = value, int(digits[place])
    return found


def exact_stack(stack: Stack) -> ExactStack | None:
    """The same for all networks of a stack; None where it can be seen at once that nothing is exact."""
    rational = (stack.loss == LOSS_KINDS.index("squared_error")) & np.isin(stack.activations, RATIONAL).all(axis=1)
    chosen = np.flatnonzero(rational)
    chosen = chosen[_look_exact(stack, chosen)]
    if not chosen.size:
        return None
    kinds = ("output", "loss", "dW", "db", "step_W", "step_b")
    found = ExactStack(
        values={kind: np.zeros(stack.array_shape(kind)) for kind in kinds},
        digits={
            kind: np.full((len(stack.cases), stack.shape.depth + (kind == "output")), UNKNOWN)
            if kind != "loss"
            else np.full((len(stack.cases), 1), UNKNOWN)
            for kind in kinds
        },
    )
    with np.errstate(all="ignore"):
        evaluation = _Evaluation(stack, chosen, found)
        evaluation.passes()
        evaluation.steps()
    return found


def _look_exact(stack: Stack, networks: Array) -> Array:
    """Which of some networks are worth the work: with many digits little is exact, unless something is all zeros."""
    layers = stack.activations[networks] != PASS_ON
    zeros = ~stack.x[networks].any(axis=(1, 2)) | (layers & ~stack.biases[networks].any(axis=2)).any(axis=1)
    return zeros | have_few_digits(stack.weights[networks])


class _Evaluation:
    """Some networks of a stack worked out; once something may round, nothing that depends on it is known.

    Missing layers hand on x, missing samples and neurons are 0.
    """

    def __init__(self, stack: Stack, chosen: Array, found: ExactStack) -> None:
        self.stack, self.chosen, self.found = stack, chosen, found
        self.dtype = stack.cases[0].dtype
        self.relu = stack.activations[chosen] == RELU
        self.layers = stack.activations[chosen] != PASS_ON
        self.weights = stack.weights[chosen]
        self.digits = np.zeros(len(chosen), int)

    def passes(self) -> None:
        """Forward through the layers, the loss, and back."""
        stack, chosen = self.stack, self.chosen
        x, sampled = stack.x[chosen], stack.sampled[chosen][:, :, None]
        self._need(np.abs(x), _quantum(x), np.True_)
        a: dict[int, Array] = {}
        for t in stack.layers:
            there, received = self.layers[:, t], a.get(t - 1, x)
            W, b = self.weights[:, t].transpose(0, 2, 1), stack.biases[chosen, t, None] * sampled
            quantum = np.minimum(_quantum(received) * _quantum(W), _quantum(b))
            self._need(np.abs(received) @ np.abs(W) + np.abs(b), quantum, there)
            z = received @ W + b
            z[self.relu[:, t]] = np.maximum(z[self.relu[:, t]], 0)
            a[t] = np.where(there[:, None, None], z, x)
            self._keep("output", t + 1, a[t], self.digits, there)
        last = stack.shape.depth - 1
        y = stack.y[chosen]
        self._need(np.abs(a[last]) + np.abs(y), np.minimum(_quantum(a[last]), _quantum(y)), np.True_)
        difference = a[last] - y
        self._loss(difference)
        self._backward(difference, a, x)

    def _loss(self, difference: Array) -> None:
        """The loss's scale c is a power of two: multiplying by it rounds nothing, wherever that is done."""
        scale = self.stack.scale[self.chosen]
        rounds = ~is_power_of_two(scale) | (scale < SMALLEST_QUANTUM[self.dtype])
        self.digits[rounds] = UNKNOWN
        total = (difference**2).sum(axis=(1, 2))
        digits = self._digits(total[:, None], _quantum(difference) ** 2)
        self._keep("loss", 0, total * scale, digits, np.True_)

    def _backward(self, difference: Array, a: dict[int, Array], x: Array) -> None:
        """delta_{i-1} = (delta_i W_i) * g', dW_i = delta_i^T x^(i) and db_i, the sum of delta_i over the samples."""
        delta = difference * (2 * self.stack.scale[self.chosen])[:, None, None]
        for t in reversed(self.stack.layers):
            there, received = self.layers[:, t], a.get(t - 1, x)
            delta = np.where(self.relu[:, t, None, None] & (a[t] <= 0), 0.0, delta)
            quantum, turned = _quantum(delta), delta.transpose(0, 2, 1)
            digits = self._digits(np.abs(turned) @ np.abs(received), quantum * _quantum(received))
            self._keep("dW", t, turned @ received, digits, there)
            digits = self._digits(np.abs(delta).sum(axis=1), quantum)
            self._keep("db", t, delta.sum(axis=1), digits, there)
            W = self.weights[:, t]
            self._need(np.abs(delta) @ np.abs(W), quantum * _quantum(W), there)
            delta = delta @ W

    def steps(self) -> None:
        """w - alpha g."""
        stack, chosen = self.stack, self.chosen
        alpha = stack.learning_rate[chosen]
        for kind, starts, gradients in (
            ("step_W", self.weights, stack.step_weights[chosen]),
            ("step_b", stack.biases[chosen], stack.step_biases[chosen]),
        ):
            for t in stack.layers:
                w, g = starts[:, t], gradients[:, t]
                change = g * alpha.reshape(-1, *[1] * (g.ndim - 1))
                self.digits = np.zeros(len(chosen), int)
                quantum = np.minimum(_quantum(w), _quantum(g) * _quantum(alpha))
                digits = self._digits(np.abs(w) + np.abs(change), quantum)
                self._keep(kind, t, w - change, digits, self.layers[:, t])

    def _need(self, sizes: Array, quantum: Array, there: Array | np.bool_) -> None:
        """Count the digits of an operation for everything that depends on it, in the networks where it is there."""
        self.digits = np.where(there, self._digits(sizes, quantum), self.digits)

    def _digits(self, sizes: Array, quantum: Array) -> Array:
        """The digits needed so far and for sums of multiples of a quantum (S,), the terms adding up to the sizes.

        sizes (S, ...). What float64 makes of sizes that it does not have the digits for is too large as well.
        """
        needed = sizes.reshape(len(sizes), -1).max(axis=1) / quantum
        digits = np.maximum(np.frexp(needed)[1], self.digits)
        known = (needed < 2.0 ** DIGITS[self.dtype]) & (quantum >= SMALLEST_QUANTUM[self.dtype])
        return np.where(known & (self.digits != UNKNOWN), digits, UNKNOWN)

    def _keep(self, kind: str, place: int, values: Array, digits: Array, there: Array | np.bool_) -> None:
        at = (self.chosen, place) if kind != "loss" else (self.chosen,)
        self.found.values[kind][at] = values
        self.found.digits[kind][self.chosen, place] = np.where(there, digits, UNKNOWN)


def _quantum(array: Array) -> Array:
    """The largest power of two up to 1 that divides all entries of each network's array, (S,)."""
    return np.minimum(largest_common_power(array), 1.0)
