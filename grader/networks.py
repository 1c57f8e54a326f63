"""The networks that a submission is asked about: ordinary ones, and for each edge some that have it and no other.

All are small, and their numbers are exact in float32: the right answers are then the same in both precisions, and one
compiled function of JAX serves them all.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from backproof.grader.assignment import EDGES, MAX_DEPTH, Assignment, CouldNotGradeError, Edge
from backproof.oracles.case import Case
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, Array, find_loss
from backproof.reference_impl.network import forward

# Raised whenever the same seed would draw other networks than before.
GENERATOR = 1

MAX_WIDTH, MAX_BATCH = 8, 8

# From here on numbers count as large: float32's exponential overflows at 89.
LARGE = 89.0

PRACTICE = "practice"

# So many are drawn for one that is as it should be, of which few are needed.
MOST_TRIES = 5000

# Edges that are networks' widths.
OF_WIDTHS: tuple[Edge, ...] = ("one feature", "width 1", "one output")

Generator = np.random.Generator


@dataclass(frozen=True)
class Network:
    """One network to ask about, and the edge that it is for, if any.

    judged: a network of one layer that hands x through (to a softmax, under a cross-entropy), on which the loss is
    asked. It has nothing to do with `case`, whose outputs the submission has to find by itself. biases: whether there
    are any; else they are 0, and nothing is asked about them.
    """

    case: Case
    judged: Case
    edge: Edge | None
    biases: bool = True


class Drawn(NamedTuple):
    """The networks, in the order in which they are asked about, and how many were drawn for nothing, by edge."""

    networks: list[Network]
    rejected: Counter[str]


def random_stream(
    assignment: Assignment, student: str | None = None, *, practice: bool = False, draw: int = 0
) -> Generator:
    """Where all random numbers come from: an HMAC of the student's id, under the assignment's secret seed.

    Practice networks come from a seed that everybody knows, and tell nothing about the others. draw: which it is, where
    there are several.
    """
    message = f"backproof networks {GENERATOR} {assignment.digest()} {'' if student is None else f'student {student}'}"
    return _stream(PRACTICE if practice else str(assignment.seed), message + f" draw {draw}" * (draw > 0))


def _stream(seed: str, message: str) -> Generator:
    """Random numbers that nobody knows who does not know the seed."""
    return np.random.default_rng(
        int.from_bytes(hmac.digest(seed.encode(), message.encode(errors="surrogateescape"), hashlib.sha256))
    )


def chosen_for(assignment: Assignment, student: str, hand_in: int) -> list[int]:
    """The numbers of the networks that a hand-in is asked about, of those of all draws, one draw after the other.

    Each block of a draw is another's or its own by an HMAC of student and hand-in, under the assignment's seed. A block
    holds together what is drawn to follow on another network.
    """
    stream = _stream(str(assignment.seed), f"backproof hand-in {hand_in} {assignment.digest()} student {student}")
    block = len(_shapes(None))
    draws = stream.integers(assignment.draws, size=-(-assignment.networks // block))
    return [int(draws[i // block]) * assignment.networks + i for i in range(assignment.networks)]


def draw_networks(assignment: Assignment, rng: Generator) -> Drawn:
    """As many as the assignment wants: half of them ordinary, the others shared out among its edges."""
    edges = [edge for edge in EDGES if any(edge in assignment.edges_of(f) for f in assignment.functions)]
    edges = [edge for edge in edges if _possible(edge, assignment)]
    ordinary = assignment.networks - (assignment.networks // 2 if edges else 0)
    wanted: list[Edge | None] = [None] * ordinary
    wanted += [edges[i * len(edges) // (assignment.networks - ordinary)] for i in range(assignment.networks - ordinary)]
    networks: list[Network] = []
    rejected: Counter[str] = Counter()
    recipes = {edge: zip(itertools.cycle(_shapes(edge)), itertools.count()) for edge in (None, *edges)}
    for edge in wanted:
        shape, number = next(recipes[edge])
        for _ in range(MOST_TRIES):
            earlier = networks[-1].case if networks else None
            case, judged = _draw(rng, assignment, edge, shape, number, earlier)
            if features(case, assignment) == ({edge} - {None, "integers"}):
                networks.append(Network(case, judged, edge, assignment.biases))
                break
            rejected[edge or "ordinary"] += 1
        else:
            how = f"take {edge!r} out of edges" if edge else "choose other layers, activations or widths"
            raise CouldNotGradeError(
                f"among the networks that the assignment asks about, none is {edge or 'ordinary'}: {how}"
            )
    return Drawn(networks, rejected)


def _possible(edge: Edge, assignment: Assignment) -> bool:
    """Whether there are networks with this edge."""
    if edge == "soft labels":
        return any(find_loss(loss).kind == "cross_entropy" for loss in assignment.losses)
    if edge == "zeros" and not assignment.biases and assignment.relu_prime_at_zero == "any":
        return "relu" not in (assignment.layers[:-1] or assignment.activations)  # all z would be at the kink
    if assignment.widths and edge in OF_WIDTHS:
        return False
    if edge == "one output":
        return any(output != "softmax" for _, output in assignment.pairs())
    return edge != "width 1" or assignment.depth != 1


def features(case: Case, assignment: Assignment) -> set[str]:
    """The edges that a network has, as far as its numbers show them; and "silent", where a layer of ReLUs is all 0."""
    outputs = forward(case.weights, case.biases, case.x, case.activations)
    z = [a @ W.T + b for a, W, b in zip(outputs, case.weights, case.biases, strict=False)]
    relus = [(z_i, a) for z_i, a, g in zip(z, outputs[1:], case.activations, strict=True) if g == "relu"]
    kinks = assignment.relu_prime_at_zero == "zero" and any((z_i == 0).any() for z_i, _ in relus)
    soft = find_loss(case.loss).kind == "cross_entropy" and not np.isin(case.y, (0, 1)).all()
    found = {
        "one sample": case.n == 1,
        "one feature": case.widths[0] == 1,
        "width 1": 1 in case.widths[1:-1],
        "one output": case.widths[-1] == 1,
        "zeros": (case.x == 0).any() or kinks,
        "large values": max(np.abs(part).max() for part in (case.x, *z)) > LARGE,
        "soft labels": soft,
        "silent": any(not a.any() for _, a in relus),
        "at a kink": assignment.relu_prime_at_zero == "any" and any((z_i == 0).any() for z_i, _ in relus),
    }
    fixed = OF_WIDTHS if assignment.widths else ()
    return {feature for feature, has in found.items() if has and feature not in fixed}


class Shape(NamedTuple):
    """How big a network is: its least and largest depth, whether all widths are alike, and the batch as well.

    again: as the network before, with other numbers, so that what is remembered of an earlier call shows.
    """

    depths: tuple[int, int] = (2, MAX_DEPTH)
    square: bool = False
    batch_alike: bool = False
    again: bool = False


def _shapes(edge: Edge | None) -> list[Shape]:
    if edge is not None:
        return [Shape(), Shape(depths=(3, MAX_DEPTH))]
    return [
        Shape(depths=(1, 1)),
        Shape(depths=(2, 2)),
        Shape(again=True),
        Shape(depths=(3, MAX_DEPTH), square=True),
        Shape(),
        Shape(depths=(3, 3)),
        Shape(square=True, batch_alike=True),
        Shape(depths=(MAX_DEPTH, MAX_DEPTH)),
    ]


def _draw(
    rng: Generator, assignment: Assignment, edge: Edge | None, shape: Shape, number: int, earlier: Case | None
) -> tuple[Case, Case]:
    """A network that may have the edge, and one for the loss."""
    loss, output = _pair(assignment, edge, number)
    if depth := assignment.depth:
        shape = shape._replace(depths=(depth, depth))
    widths, n = _sizes(rng, edge, shape)
    widths = list(assignment.widths) or widths
    hidden = _hidden(rng, assignment, edge, len(widths) - 2)
    if shape.again and earlier is not None:
        widths, n = list(earlier.widths), earlier.n
        hidden, output, loss = earlier.activations[:-1], earlier.activations[-1], earlier.loss
    gain = rng.uniform(0.7, 1.5)
    case = Case(
        weights=tuple(rng.standard_normal((k, r)) * (gain / r**0.5) for r, k in itertools.pairwise(widths)),
        biases=tuple(rng.standard_normal(k) * (0.5 * gain * assignment.biases) for k in widths[1:]),
        x=rng.standard_normal((n, widths[0])),
        y=_labels(rng, n, widths[-1], output, loss, soft=edge == "soft labels"),
        activations=(*hidden, output),
        loss=loss,
        learning_rate=float(rng.choice([1.0, 0.5, 0.1, 0.01])),
    )
    judged = _judged(rng, case, edge)
    return _exact_in_float32(ADAPT[edge](rng, case)), _exact_in_float32(judged)


def _pair(assignment: Assignment, edge: Edge | None, number: int) -> tuple[str, str]:
    """A loss and a last activation, each pair as often as the others that go with the edge."""
    pairs = assignment.pairs()
    if edge == "soft labels":
        pairs = [(loss, output) for loss, output in pairs if find_loss(loss).kind == "cross_entropy"]
    if edge == "one output":  # a softmax of one output is 1 whatever the network does
        pairs = [(loss, output) for loss, output in pairs if output != "softmax"]
    return pairs[number % len(pairs)]


def _sizes(rng: Generator, edge: Edge | None, shape: Shape) -> tuple[list[int], int]:
    """Widths k_0..k_L, and n; all different from 1 but where the edge is that."""
    depth = int(rng.integers(shape.depths[0], shape.depths[1] + 1))
    if shape.square:
        k = int(rng.integers(3, 6))
        return [k] * (depth + 1), k if shape.batch_alike else k + int(rng.choice([-1, 1, 2]))
    widths = [int(k) for k in rng.integers(2, MAX_WIDTH + 1, depth + 1)]
    n = int(rng.integers(2, MAX_BATCH + 1))
    if edge == "one sample":
        n = 1
    if edge == "one feature":
        widths[0] = 1
    if edge == "one output":
        widths[-1] = 1
    if edge == "width 1":
        widths[int(rng.integers(1, depth))] = 1
    return widths, n


def _hidden(rng: Generator, assignment: Assignment, edge: Edge | None, layers: int) -> tuple[str, ...]:
    """As asked for; or one activation for all hidden layers, or one for each; for zeros, ReLU where there is one."""
    if assignment.layers:
        return assignment.layers[:-1]
    among = [g for g in HIDDEN_ACTIVATIONS if g in assignment.activations] or ["identity"]
    if edge == "zeros" and "relu" in among and assignment.relu_prime_at_zero == "zero":
        return ("relu",) * layers
    if rng.random() < 0.5:
        return (str(rng.choice(among)),) * layers
    return tuple(map(str, rng.choice(among, layers)))


def _labels(rng: Generator, n: int, k: int, output: str, loss: str, *, soft: bool) -> Array:
    """Labels that suit the loss: one class each, or for the soft ones multiples of 1/64 that sum to 1."""
    kind = find_loss(loss).kind
    if kind == "cross_entropy":
        return rng.multinomial(64, [1 / k] * k, n) / 64 if soft else rng.multinomial(1, [1 / k] * k, n).astype(float)
    if kind == "binary_cross_entropy":
        return rng.random((n, k)) if soft else rng.integers(0, 2, (n, k)).astype(float)
    return rng.random((n, k)) if output in ("sigmoid", "softmax") else rng.standard_normal((n, k))


def _judged(rng: Generator, case: Case, edge: Edge | None) -> Case:
    """A network of one layer that hands x through to the activation that the loss wants, or to none."""
    n, k = case.y.shape
    output = {"squared_error": "identity", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}[
        case.loss_parts.kind
    ]
    x = rng.standard_normal((n, k)) * (1000 if edge == "large values" else 1)
    y = _labels(rng, n, k, output, case.loss, soft=edge == "soft labels")
    if edge == "large values" and output == "softmax":
        # What is not the label rounds to probability 0 in half of the rows; the loss stays finite.
        y = np.eye(k)[x.argmax(axis=1)]
    if edge == "integers" and output == "identity":
        y = np.rint(2 * y)
    return Case((np.eye(k),), (np.zeros(k),), x, y, (output,), case.loss, case.learning_rate)


def _as_it_is(_: Generator, case: Case) -> Case:
    return case


def _whole_numbers(rng: Generator, case: Case) -> Case:
    """x, and y where that is no probability, of whole numbers; none of x is 0."""
    x = rng.integers(1, 4, case.x.shape) * rng.choice([-1, 1], case.x.shape)
    y = case.y if case.loss_parts.kind == "cross_entropy" else np.rint(case.y)
    return replace(case, x=x.astype(float), y=y)


def _zeros(rng: Generator, case: Case) -> Case:
    """Samples and features that are 0, and neurons that are silent: their weights and biases are 0."""
    x = case.x.copy()
    x[rng.integers(case.n)] = 0
    x[:, rng.integers(case.widths[0])] = 0
    if case.activations[0] != "relu" or case.depth == 1:
        return replace(case, x=x)
    W, b = case.weights[0].copy(), case.biases[0].copy()
    silent = rng.integers(case.widths[1])
    W[silent], b[silent] = 0, 0
    return replace(case, x=x, weights=(W, *case.weights[1:]), biases=(b, *case.biases[1:]))


def _large_values(rng: Generator, case: Case) -> Case:
    """Samples around -1000, 0 and 1000, and a last layer with large weights."""
    offsets = rng.permutation(np.resize([1000.0, -1000.0, 0.0], case.n))
    last = case.weights[-1] * 300
    return replace(case, x=case.x * 10 + offsets[:, None], weights=(*case.weights[:-1], last))


ADAPT: dict[Edge | None, Callable[[Generator, Case], Case]] = {
    **dict.fromkeys((None, *EDGES), _as_it_is),
    "integers": _whole_numbers,
    "zeros": _zeros,
    "large values": _large_values,
}


def _exact_in_float32(case: Case) -> Case:
    return case.cast("float32").cast("float64")


def whole(network: Network, case: Case) -> Iterator[Array]:
    """The arrays of a case of the network that are handed over as integers."""
    if network.edge == "integers":
        yield from (array for array in (case.x, case.y) if (array == np.rint(array)).all())
