"""Random cases, each determined by the generator's version, a profile, a seed and an index."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, Array, LossKind, find_loss

# Raised whenever the same seed and index would draw another case than before, so that an old name is never misread.
GENERATOR = 2

MAX_DEPTH, MAX_WIDTH, MAX_BATCH = 8, 64, 32

Generator = np.random.Generator

TURNS: tuple[LossKind, ...] = ("squared_error", "cross_entropy", "squared_error", "binary_cross_entropy")
LOSSES_OF = {kind: [loss for loss in LOSSES if find_loss(loss).kind == kind] for kind in TURNS}
FAR_APART = np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0])


def draw_case(seed: int, index: int, profile: str = "all") -> Case:
    """The case number `index` of a seed's random sequence, in float64.

    Profiles:

    - ordinary: what people train; depth 1 to 8, widths 1 to 64, 1 to 32 samples, gains from 0.1 to 2
    - saturated: sigmoids, tanhs and softmaxes far out where they are flat, pre-activations of 1000 and more
    - vanishing: 5 to 8 layers of sigmoids or tanhs with small weights, so that gradients all but vanish
    - kinks: ReLU networks with pre-activations that are exactly 0
    - narrow: width 1, one sample, one output, alone and together
    - integers: small integers under identity and ReLU, on which float arithmetic is exact
    - all: these in turn, so that case 8 of `all` is case 8 of `vanishing`

    Within a profile the cases take turns at what mistakes depend on, kinds of loss, square networks, rows far apart, so
    that any twenty cases of `all` have each of these.

    Raises ValueError for an unknown profile or a negative seed or index.
    """
    if profile not in PROFILES:
        raise ValueError(f"unknown profile {profile!r}; there are {', '.join(PROFILES)}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are not negative; got {seed} and {index}")
    if profile == "all":
        profile = PROFILES[index % len(DRAWN)]
    rng = _generator(GENERATOR, PROFILES.index(profile), seed, index)
    return DRAWN[profile](rng, index // len(DRAWN), f"v{GENERATOR}:{profile}:{seed}:{index}")


def _generator(*numbers: int) -> Generator:
    """The random numbers that these determine."""
    # NumPy takes lists as well, and gives the same, but it takes longer to look at them.
    short = max(numbers) < 2**32
    return np.random.default_rng(np.array(numbers, np.uint32) if short else list(numbers))


def find_case(reference: str) -> Case:
    """The case that a text names: a drawn case's name ("v2:kinks:0:17"), JSON, or the path of a JSON file.

    Raises ValueError for anything else, in a sentence.
    """
    if match := re.fullmatch(r"v(\d+):([a-z]+):(\d+):(\d+)", reference):
        version, profile, seed, index = match.groups()
        if int(version) != GENERATOR:
            raise ValueError(
                f"{reference} was drawn by generator {version}; this version of backproof has generator {GENERATOR}"
            )
        return draw_case(int(seed), int(index), profile)
    if reference.lstrip().startswith("{"):
        return Case.from_json(reference)
    try:
        return Case.from_json(Path(reference).read_bytes())
    except OSError as error:
        raise ValueError(
            f"{reference!r} is neither the name of a case, as in v{GENERATOR}:ordinary:0:17, nor JSON, "
            f"nor a readable file of it ({error.strerror})"
        ) from error


def draw_like(seed: int, index: int, *, widths: Sequence[int], n: int, activations: Sequence[str], loss: str) -> Case:
    """The case number `index` of a seed's networks of one architecture, in float64; it has no name.

    widths: k_0, ..., k_L. Weights are Gaussian, of standard deviation 1 / sqrt(k_{i-1}), and labels suit the loss.
    Raises ValueError where these do not fit together, or a seed or index is negative.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index are not negative; got {seed} and {index}")
    if len(widths) < 2 or min(*widths, n) < 1:
        raise ValueError(f"a network has at least an input and a layer, and a sample; got {list(widths)}, batch {n}")
    if len(activations) != len(widths) - 1:
        raise ValueError(f"{len(widths) - 1} layers need as many activations; got {len(activations)}")
    find_loss(loss)
    rng = _generator(GENERATOR, len(DRAWN), seed, index)
    case = _case(rng, "", list(widths), n, tuple(activations[:-1]), activations[-1], loss, gain=1.0)
    return replace(case)  # checks that the parts fit together


def _ordinary(rng: Generator, turn: int, name: str) -> Case:
    """Of three turns one has several outputs and samples, one a square network with different activations."""
    widths, n = _sizes(rng)
    if turn % 3 == 0:
        widths[-1], n = max(widths[-1], 3), max(n, 2)
    loss, output = _loss_and_output(rng, turn, widths[-1])
    hidden = _hidden(rng, len(widths) - 2)
    if turn % 3 == 1:
        widths, n = [_log_uniform(rng, 2, 16)] * _log_uniform(rng, 4, MAX_DEPTH + 1), _log_uniform(rng, 2, MAX_BATCH)
        hidden = tuple(_choice(rng, HIDDEN_ACTIVATIONS) for _ in widths[2:])
    return _case(rng, name, widths, n, hidden, output, loss, gain=10 ** _uniform(rng, -1, 0.3))


def _saturated(rng: Generator, turn: int, name: str) -> Case:
    """Large weights. Every other turn has samples far apart from each other, and the labels that are predicted."""
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
    case = _case(rng, name, widths, n, hidden, output, loss, gain, x_scale)
    if apart:
        offsets = np.concatenate(([1000.0, -1000.0], FAR_APART[rng.integers(0, len(FAR_APART), n - 2)]))
        case.x[:] += offsets[:, None]
        if find_loss(loss).kind != "squared_error":
            case.y[:] = _predicted_labels(case)
    return case


def _predicted_labels(case: Case) -> Array:
    """The hard labels that the network predicts, for a last layer of sigmoids or a softmax."""
    a = case.x
    for W, b, g in zip(case.weights, case.biases, case.activations, strict=True):
        z = a @ W.T + b
        a = np.tanh(z) if g == "tanh" else np.tanh(z / 2) / 2 + 0.5
    if case.activations[-1] == "softmax":
        return np.eye(z.shape[1])[z.argmax(axis=1)]
    return (z > 0).astype(float)


def _vanishing(rng: Generator, turn: int, name: str) -> Case:
    widths, n = _sizes(rng, min_depth=5, max_width=32)
    loss, output = _loss_and_output(rng, turn + 2, widths[-1])
    hidden = ("sigmoid" if rng.random() < 0.75 else "tanh",) * (len(widths) - 2)
    return _case(rng, name, widths, n, hidden, output, loss, 10 ** _uniform(rng, -4, -0.5))


def _kinks(rng: Generator, turn: int, name: str) -> Case:
    """ReLU networks in which some neurons have no weights, some samples and some features are 0, some biases are 0."""
    widths, n = _sizes(rng)
    loss, output = _loss_and_output(rng, turn + 1, widths[-1])
    if find_loss(loss).kind == "squared_error" and rng.random() < 0.5:
        output = "relu"
    hidden = _hidden(rng, len(widths) - 2, ("relu", "relu", "relu", "identity", "tanh"))
    case = _case(rng, name, widths, n, hidden, output, loss, gain=1.0)
    for W, b in zip(case.weights, case.biases, strict=True):
        b[rng.random(b.size) < 0.5] = 0
        silent = rng.random(b.size) < 0.25
        W[silent], b[silent] = 0, 0
    case.x[rng.random(n) < 0.25] = 0
    case.x[:, rng.random(widths[0]) < 0.25] = 0
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
    return _case(rng, name, widths, n, _hidden(rng, depth - 1), output, loss, gain=10 ** _uniform(rng, -1, 0.3))


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
        learning_rate=0.5 ** int(rng.integers(6)),
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
PROFILES = (*DRAWN, "all")


def _case(
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
        learning_rate=10 ** _uniform(rng, -3, 0),
        name=name,
        widths=tuple(widths),
        dtype="float64",
    )


def _labels(rng: Generator, n: int, k: int, output: str, loss: str) -> Array:
    """Labels that suit the loss, soft ones and hard ones; those of a cross-entropy are multiples of 1/64 with sum 1."""
    kind = find_loss(loss).kind
    hard = rng.random() < 0.5
    if kind == "cross_entropy":
        return rng.multinomial(1, [1 / k] * k, n).astype(float) if hard else rng.multinomial(64, [1 / k] * k, n) / 64
    if kind == "binary_cross_entropy" or output in ("sigmoid", "softmax"):
        return rng.integers(0, 2, (n, k)).astype(float) if hard else rng.random((n, k))
    return rng.standard_normal((n, k))


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
