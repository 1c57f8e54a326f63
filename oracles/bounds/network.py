"""Error bounds of a whole network: forward, loss, backward, and the single functions of the contract.

Notation: z and a are the pre-activation and output of a layer, delta = dL/dz; A, n, k and the ledger as in
`oracles.bounds.deviation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    largest_common_power,
    product_quantum,
    working_error,
)
from oracles.bounds.losses import loss_error, output_delta
from oracles.case import Answer, Case, Quantity
from reference_impl.contract import Array


@dataclass(frozen=True)
class Bounds:
    """For each arithmetic asked for, the bound of every quantity, and the number of neurons too near a kink.

    undecided: for each arithmetic, in how many (sample, neuron) pairs rounding may decide a ReLU's side of 0.
    """

    allowances: tuple[Answer, ...]
    undecided: tuple[int, ...]


def bounds(cases: Iterable[Case], arithmetics: Sequence[Arithmetic]) -> list[Bounds]:
    """The error bounds of each case under each arithmetic: entries >= 0, and infinite where nothing can be said."""
    with np.errstate(all="ignore"):
        return [_bounds(case.cast("float64"), arithmetics) for case in cases]


def _bounds(case: Case, arithmetics: Sequence[Arithmetic]) -> Bounds:
    ledger = Ledger(arithmetics, case.n, capacity=2 * sum(case.widths[1:]) + case.widths[-1])
    z, a = _forward(case, ledger)
    sizes = {Quantity("output", i): output.size for i, output in enumerate(a)}
    sizes[Quantity("loss")] = loss_error(case, ledger, a[-1])
    sizes |= _backward(case, ledger, z, a) | _functions(case, ledger) | _step(case, ledger)
    relus = [undecided(layer) for layer, g in zip(z, case.activations, strict=True) if g == "relu"]
    known = {quantity: np.where(np.isnan(sizes[quantity]), np.inf, sizes[quantity]) for quantity in case.quantities}
    return Bounds(
        allowances=tuple({quantity: size[i] for quantity, size in known.items()} for i in range(len(arithmetics))),
        undecided=tuple(sum(int(layer[i].sum()) for layer in relus) for i in range(len(arithmetics))),
    )


def _forward(case: Case, ledger: Ledger) -> tuple[list[Deviation], list[Deviation]]:
    """The deviations of the pre-activations of layers 1..L, and of x and the outputs of layers 1..L."""
    z, a = [], [ledger.exact(case.x)]
    for W, b, g in zip(case.weights, case.biases, case.activations, strict=True):
        z.append(_affine(ledger, a[-1], W, b))
        a.append(ledger.settle(activate(ledger, z[-1], g)))
    return z, a


def _affine(ledger: Ledger, a: Deviation, W: Array, b: Array) -> Deviation:
    """z = a W^T + b: a rounding for each product that is not 0 and, where there are products, one for the bias."""
    products = a.possible @ (W != 0).T.astype(float)
    added = products + (products > 0) * (b != 0)
    quantum = np.minimum(product_quantum(a, W), largest_common_power(b))
    rounding = ledger.product_error(a.magnitude @ np.abs(W).T + np.abs(b), added, quantum)
    linear = np.matmul(W, a.linear)
    return Deviation(
        value=a.value @ W.T + b,
        linear=linear,
        rest=(a.rest + working_error(W.shape[1]) * a.size) @ np.abs(W).T,
        rounding=rounding,
        spread=ledger.spread(linear),
        quantum=if_exact(quantum, a, rounding),
    )


def _backward(case: Case, ledger: Ledger, z: list[Deviation], a: list[Deviation]) -> dict[Quantity, Array]:
    """The bounds of dW_i = delta_i^T x^(i) and of db_i, the sum of delta_i over the samples."""
    sizes = {}
    delta = ledger.settle(output_delta(case, ledger, z[-1], a[-1]))
    for i in range(case.depth, 0, -1):
        sizes[Quantity("dW", i)] = _product_over_samples(ledger, delta, a[i - 1])
        sizes[Quantity("db", i)] = _sum_over_samples(ledger, delta)
        if i > 1:
            h = _times_weights(ledger, delta, case.weights[i - 1])
            delta = ledger.settle(times_derivative(ledger, h, z[i - 2], case.activations[i - 2]))
    return sizes


def _product_over_samples(ledger: Ledger, delta: Deviation, a: Deviation) -> Array:
    """delta^T a, (A, k_i, k_{i-1}): what its factors are off by, and the rounding of sums over samples."""
    delta_t = delta.magnitude.transpose(0, 2, 1)
    propagated = delta.size.transpose(0, 2, 1) @ a.magnitude + delta_t @ a.size
    rounding = ledger.product_error(delta_t @ a.magnitude, delta.possible.T @ a.possible, delta.quantum * a.quantum)
    return propagated + rounding


def _sum_over_samples(ledger: Ledger, delta: Deviation) -> Array:
    """The column sums of delta, (A, k_i): one addition less than there are terms."""
    additions = np.maximum(delta.possible.sum(axis=0, keepdims=True) - 1, 0)
    rounding = ledger.sum_error(delta.magnitude.sum(axis=1, keepdims=True), additions, delta.quantum)
    return (delta.size.sum(axis=1, keepdims=True) + rounding)[:, 0, :]


def _times_weights(ledger: Ledger, delta: Deviation, W: Array) -> Deviation:
    """h = delta W, what arrives at the layer before; its spread counts in second order only, and is a coarse one."""
    quantum = product_quantum(delta, W)
    rounding = ledger.product_error(delta.magnitude @ np.abs(W), delta.possible @ (W != 0).astype(float), quantum)
    return Deviation(
        value=delta.value @ W,
        linear=np.matmul(W.T, delta.linear),
        rest=(delta.rest + working_error(W.shape[0]) * delta.size) @ np.abs(W),
        rounding=rounding,
        spread=delta.spread @ np.abs(W),
        quantum=if_exact(quantum, delta, rounding),
    )


def _functions(case: Case, ledger: Ledger) -> dict[Quantity, Array]:
    """The bounds of the activations and their derivatives at x, which is exact."""
    sigmoid, tanh, zero = sigmoid_curve(case.x), tanh_curve(case.x), np.zeros((len(ledger.u), *case.x.shape))
    return {
        Quantity("sigmoid"): sigmoid_error(ledger, sigmoid),
        Quantity("sigmoid_prime"): sigmoid_prime_error(ledger, sigmoid),
        Quantity("relu"): zero,
        Quantity("relu_prime"): zero,
        Quantity("tanh"): tanh_error(ledger, tanh),
        Quantity("tanh_prime"): tanh_prime_error(ledger, tanh),
        Quantity("softmax"): softmax_error(ledger, case.x, softmax(case.x)),
    }


def _step(case: Case, ledger: Ledger) -> dict[Quantity, Array]:
    """The bounds of w - alpha g, for the gradients that the case tries the step with."""
    return {quantity: _step_error(ledger, w, g, case.learning_rate) for quantity, w, g in case.steps()}


def _step_error(ledger: Ledger, w: Array, g: Array, alpha: float) -> Array:
    """w - alpha g: alpha and the product round, and the difference does."""
    u, tiny = (column.reshape(-1, *[1] * w.ndim) for column in (ledger.u, ledger.tiny))
    quantum = min(largest_common_power(w), alpha * largest_common_power(g)) if is_power_of_two(alpha) else 0.0
    size = np.abs(w) + np.abs(alpha * g)
    exact = (size <= quantum / u) & ((quantum >= tiny) | (size == 0))
    return np.where(exact, 0.0, u * (3 * np.abs(alpha * g) + np.abs(w - alpha * g)) + 2 * tiny)
