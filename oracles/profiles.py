"""What each profile draws: networks by random numbers and by whose turn it is."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from backproof.oracles.case import Case
from backproof.oracles.edges import (
    confidently_wrong,
    dead_layer,
    last_preactivations,
    negative_zeros,
    predicted_labels,
    repeated,
    subnormal_inputs,
    tied_outputs,
)
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, Array, LossKind, find_loss

MAX_DEPTH, MAX_WIDTH, MAX_BATCH = 8, 64, 32

# Of larger networks, which are rare: layers, the neurons of one of them (or inputs), and samples.
LARGER_DEPTH, LARGER_WIDTH, LARGER_BATCH = (10, 12), (65, 96), (33, 48)

Generator = np.random.Generator

TURNS: tuple[LossKind, ...] = ("squared_error", "cross_entropy", "squared_error", "binary_cross_entropy")
LOSSES_OF = {kind: [loss for loss in LOSSES if find_loss(loss).kind == kind] for kind in TURNS}
FAR_APART = np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0])

# All are powers of two or 0, so that a step is exact too.
EXACT_RATES = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.0, -0.5, 4.0)


def _ordinary(rng: Generator, turn: int, name: str) -> Case:
    """Of three turns one has several outputs and samples, one a square network with different activations.

    Of 16 turns one has a larger network, of nine one has inputs of 10^4 and more, of eight one a sample and a feature
    that occur twice.
    """
    if turn % 16 == 11:
        return _larger(rng, turn, name)
    widths, n = _sizes(rng)
    if turn % 3 == 0:
        widths[-1], n = max(widths[-1], 3), max(n, 2)
    loss, output = _loss_and_output(rng, turn, widths[-1])
    hidden = _hidden(rng, len(widths) - 2)
    if turn % 3 == 1:
        widths, n = [_log_uniform(rng, 2, 16)] * _log_uniform(rng, 4, MAX_DEPTH + 1), _log_uniform(rng, 2, MAX_BATCH)
        hidden = tuple(_choice(rng, HIDDEN_ACTIVATIONS) for _ in widths[2:])
    x_scale = 10 ** _uniform(rng, 4.5, 10) if turn % 9 == 7 else 1.0
    case = gaussian_case(rng, name, widths, n, hidden, output, loss, 10 ** _uniform(rng, -1, 0.3), x_scale)
    if turn % 8 == 6:
        repeated(case)
    return case


def _larger(rng: Generator, turn: int, name: str) -> Case:
    """Many layers, many samples, and in turn x, a hidden layer or the last is wide; narrow otherwise, and so fast.

    All are padded to one shape, so that JAX compiles one function more.
    """
    depth = int(rng.integers(LARGER_DEPTH[0], LARGER_DEPTH[1] + 1))
    widths: list[int] = rng.integers(3, 7, depth + 1).tolist()
    wide = (0, int(rng.integers(1, depth)), depth)[turn // 16 % 3]
    widths[wide] = int(rng.integers(LARGER_WIDTH[0], LARGER_WIDTH[1] + 1))
    n = int(rng.integers(LARGER_BATCH[0], LARGER_BATCH[1] + 1))
    loss, output = _loss_and_output(rng, turn // 16, widths[-1])
    return gaussian_case(rng, name, widths, n, _hidden(rng, depth - 1), output, loss, 10 ** _uniform(rng, -0.5, 0.3))


def with_other_weights(rng: Generator, name: str, case: Case) -> Case:
    """The same samples, labels and activations under weights that are drawn anew."""
    gain = 10 ** _uniform(rng, -1, 0.3)
    other = {
        "weights": tuple(rng.standard_normal(W.shape) * (gain / W.shape[1] ** 0.5) for W in case.weights),
        "biases": tuple(rng.standard_normal(b.shape) * (0.5 * gain) for b in case.biases),
        "name": name,
    }
    return Case.of_parts_that_fit(**vars(case) | other)


def _saturated(rng: Generator, turn: int, name: str) -> Case:
    """Large weights. Every other turn has samples far apart from each other.

    Under a cross-entropy, the labels are then by turns those that are predicted, and those that are ruled out.
    """
    widths, n = _sizes(rng)
    apart = turn % 2 == 0
    if apart:
        layers = 1 if turn % 4 == 0 else len(widths) - 1
        widths, n = [*widths[:layers], max(widths[-1], 2)], max(n, 2)
    loss, output = _loss_and_output(rng, turn + 1, widths[-1])
    if find_loss(loss).kind == "binary_cross_entropy":
        output = "sigmoid"  # a saturated softmax rounds to 1, where this loss is infinite and nothing can be checked
    hidden = _hidden(rng, len(widths) - 2, ("sigmoid", "tanh"))
    gain, x_scale = 10 ** _uniform(rng, 0.7, 2.5), 10 ** _uniform(rng, 0, 2)
    case = gaussian_case(rng, name, widths, n, hidden, output, loss, gain, x_scale)
    if apart:
        offsets = np.concatenate(([1000.0, -1000.0], FAR_APART[rng.integers(0, len(FAR_APART), n - 2)]))
        case.x[:] += offsets[:, None]
        if find_loss(loss).kind != "squared_error":
            z = last_preactivations(case)
            if turn % 8 < 4:
                case.y[:] = predicted_labels(case, z)
            else:
                confidently_wrong(rng, case, z)
    return case


def _vanishing(rng: Generator, turn: int, name: str) -> Case:
    widths, n = _sizes(rng, min_depth=5, max_width=32)
    loss, output = _loss_and_output(rng, turn + 2, widths[-1])
    hidden = ("sigmoid" if rng.random() < 0.75 else "tanh",) * (len(widths) - 2)
    return gaussian_case(rng, name, widths, n, hidden, output, loss, 10 ** _uniform(rng, -4, -0.5))


def _kinks(rng: Generator, turn: int, name: str) -> Case:
    """ReLU networks in which some neurons have no weights, some samples and some features are 0, some biases are 0.

    Of eight turns one has outputs that are equal, one a dead layer, one inputs that are subnormal; of four turns one
    has -0.0 for 0.
    """
    widths, n = _sizes(rng)
    loss, output = _loss_and_output(rng, turn + 1, widths[-1])
    if find_loss(loss).kind == "squared_error" and rng.random() < 0.5:
        output = "relu"
    hidden = _hidden(rng, len(widths) - 2, ("relu", "relu", "relu", "identity", "tanh"))
    case = gaussian_case(rng, name, widths, n, hidden, output, loss, gain=1.0)
    for W, b in zip(case.weights, case.biases, strict=True):
        b[rng.random(b.size) < 0.5] = 0
        silent = rng.random(b.size) < 0.25
        W[silent], b[silent] = 0, 0
    case.x[rng.random(n) < 0.25] = 0
    case.x[:, rng.random(widths[0]) < 0.25] = 0
    if turn % 8 == 4:
        tied_outputs(rng, case)
    elif turn % 8 == 5:
        dead_layer(case)
    elif turn % 8 == 6:
        subnormal_inputs(rng, case)
    elif turn % 4 == 3:
        negative_zeros(case)
    return case


def _narrow(rng: Generator, turn: int, name: str) -> Case:
    """Of three turns one has a single output and sample, one a single output and several samples."""
    depth = _log_uniform(rng, 1, MAX_DEPTH)
    widths = [1 if rng.random() < 0.6 else int(rng.integers(1, 5)) for _ in range(depth + 1)]
    n = 1 if rng.random() < 0.6 else int(rng.integers(1, 5))
    if turn % 3 < 2:
        widths[-1], n = 1, 1 if turn % 3 == 0 else int(rng.integers(2, 5))
    loss, output = _loss_and_output(rng, 2 if turn % 3 == 1 else turn, widths[-1])
    if turn % 3 < 2 and output == "softmax" and find_loss(loss).kind == "squared_error":
        output = "identity"  # a softmax of one output shows nothing
    return gaussian_case(rng, name, widths, n, _hidden(rng, depth - 1), output, loss, gain=10 ** _uniform(rng, -1, 0.3))


def _integers(rng: Generator, turn: int, name: str) -> Case:
    """Small integers; samples and outputs are powers of two in number, so that every mean is exact too.

    The weights of a row sum to less the deeper the network is, so that products stay below 2^24. Of three turns one has
    a single output and sample, as the case of `narrow` before it.
    """
    depth = _log_uniform(rng, 1, MAX_DEPTH)
    widths = [int(rng.integers(1, 9)) for _ in range(depth)] + [2 ** int(rng.integers(4))]
    n = 2 ** int(rng.integers(4))
    if turn % 3 == 0:
        widths[-1], n = 1, 1
    row_sum = min(12, int(256 ** (1 / depth)))
    weights = tuple(_integer_weights(rng, k, received, row_sum) for received, k in itertools.pairwise(widths))
    *hidden, output = ("identity" if rng.random() < 0.25 else "relu" for _ in range(depth))
    if turn % 3 == 0:
        output = "identity"
    biases = rng.integers(-2, 3, sum(widths[1:])).astype(float)
    shown = rng.integers(-3, 4, n * (widths[0] + widths[-1])).astype(float)
    return Case.of_parts_that_fit(
        weights=weights,
        biases=tuple(
            biases[end - k : end] for k, end in zip(widths[1:], itertools.accumulate(widths[1:]), strict=True)
        ),
        x=shown[: n * widths[0]].reshape(n, -1),
        y=shown[n * widths[0] :].reshape(n, -1),
        activations=(*hidden, output),
        loss=_choice(rng, LOSSES_OF["squared_error"]),
        learning_rate=EXACT_RATES[int(rng.integers(len(EXACT_RATES)))],
        name=name,
        widths=tuple(widths),
        dtype="float64",
    )


DRAWN: dict[str, Callable[[Generator, int, str], Case]] = {
    "ordinary": _ordinary,
    "saturated": _saturated,
    "vanishing": _vanishing,
    "kinks": _kinks,
    "narrow": _narrow,
    "integers": _integers,
}


def gaussian_case(
    rng: Generator,
    name: str,
    widths: list[int],
    n: int,
    hidden: tuple[str, ...],
    output: str,
    loss: str,
    gain: float,
    x_scale: float = 1.0,
) -> Case:
    """Gaussian weights of standard deviation gain / sqrt(k_{i-1}), which keeps a layer's outputs at about gain."""
    sizes, scales = list[int](), list[float]()
    for received, k in itertools.pairwise(widths):
        sizes += k * received, k
        scales += gain / received**0.5, 0.5 * gain
    numbers = rng.standard_normal(sum(sizes) + n * widths[0])
    numbers *= np.repeat((*scales, x_scale), (*sizes, n * widths[0]))
    weights, biases, start = [], [], 0
    for received, k in itertools.pairwise(widths):
        middle, end = start + k * received, start + k * received + k
        weights.append(numbers[start:middle].reshape(k, received))
        biases.append(numbers[middle:end])
        start = end
    return Case.of_parts_that_fit(
        weights=tuple(weights),
        biases=tuple(biases),
        x=numbers[start:].reshape(n, widths[0]),
        y=_labels(rng, n, widths[-1], output, loss),
        activations=(*hidden, output),
        loss=loss,
        learning_rate=_learning_rate(rng),
        name=name,
        widths=tuple(widths),
        dtype="float64",
    )


def _labels(rng: Generator, n: int, k: int, output: str, loss: str) -> Array:
    """Labels that suit the loss: hard ones, ones that are also 1/2, soft ones; for a squared error any number as well.

    Those of a cross-entropy are multiples of 1/64 with sum 1.
    """
    kind, which = find_loss(loss).kind, rng.random()
    if kind == "cross_entropy":
        shared = 1 if which < 0.5 else 2 if which < 0.6 else 64
        return rng.multinomial(shared, [1 / k] * k, n) / shared
    if kind == "squared_error" and (output not in ("sigmoid", "softmax") or which >= 0.9):
        return rng.standard_normal((n, k))
    if which < 0.5:
        return rng.integers(0, 2, (n, k)).astype(float)
    return rng.integers(0, 3, (n, k)) / 2 if which < 0.6 else rng.random((n, k))


def _learning_rate(rng: Generator) -> float:
    """Mostly from 10^-3 to 1; of twenty, two are from 1 to 100, one is 0 and one negative."""
    which = rng.random()
    if which < 0.8:
        return 10 ** (3.75 * which - 3)
    if which < 0.9:
        return 10 ** (20 * (which - 0.8))
    return 0.0 if which < 0.95 else -(10 ** (60 * (which - 0.95) - 3))


def _loss_and_output(rng: Generator, turn: int, k: int) -> tuple[str, str]:
    """A loss, of the kind whose turn it is, and an activation of the last layer that it makes sense after."""
    kind = TURNS[turn % len(TURNS)]
    loss = _choice(rng, LOSSES_OF[kind])
    output = _choice(rng, OUTPUT_ACTIVATIONS[kind])
    if kind == "squared_error" and turn % (2 * len(TURNS)) < len(TURNS):
        output = "softmax" if turn % len(TURNS) == 0 else _choice(rng, ("sigmoid", "tanh"))
    if kind == "binary_cross_entropy" and k == 1:
        output = "sigmoid"  # a softmax of one output is 1 whatever the network does
    return loss, output


def _hidden(rng: Generator, layers: int, among: tuple[str, ...] = HIDDEN_ACTIVATIONS) -> tuple[str, ...]:
    """One activation for all hidden layers, or one for each."""
    if rng.random() < 0.5:
        return (_choice(rng, among),) * layers
    return tuple(_choice(rng, among) for _ in range(layers))


def _sizes(rng: Generator, min_depth: int = 1, max_width: int = MAX_WIDTH) -> tuple[list[int], int]:
    """Widths k_0..k_L and the number of samples: small networks often, large ones as well."""
    depth, widest = _log_uniform(rng, min_depth, MAX_DEPTH), _log_uniform(rng, 1, max_width)
    widths: list[int] = rng.integers(1, widest + 1, depth + 1).tolist()
    return widths, _log_uniform(rng, 1, MAX_BATCH)


def _log_uniform(rng: Generator, low: int, high: int) -> int:
    """An integer from low to high, about as often between 1 and 2 as between 16 and 32."""
    return int(low * ((high + 1) / low) ** rng.random())


def _integer_weights(rng: Generator, k: int, received: int, row_sum: int) -> Array:
    """Integers from -3 to 3 of shape (k, received), with absolute values that sum to at most row_sum in every row."""
    W = rng.integers(-3, 4, (k, received))
    W[np.abs(W).cumsum(axis=1) > row_sum] = 0
    return rng.permuted(W, axis=1).astype(float)


def _uniform(rng: Generator, low: float, high: float) -> float:
    """What `rng.uniform` gives, in a quarter of the time."""
    return low + (high - low) * rng.random()


def _choice(rng: Generator, options: list[str] | tuple[str, ...]) -> str:
    return options[int(rng.random() * len(options))]
