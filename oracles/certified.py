"""Certified truth: every quantity of a case enclosed in a ball that contains the exact value.

Ball arithmetic (Arb; Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic", IEEE
Transactions on Computers 66, 2017) carries a bound of its own error along with each number, so that the answer is a
proof and not one more opinion. What it cannot decide, on which side of 0 the input of a ReLU lies, it says: the slope
is then the ball of all numbers from 0 to 1, and so everything that depends on it stays enclosed.

The formulas are those of calculus, written so that nothing cancels that need not, and shared with no other oracle.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import add, mul, sub
from typing import Any

import numpy as np
from flint import arb, arb_mat, ctx

from backproof.oracles.bounds import CERTIFIED
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.stack import OneByOne
from backproof.reference_impl.contract import Array

Row = list[arb]
Rows = list[Row]

BITS, MOST_BITS = 128, 4096

# What the oracle goes up to: where 1024 bits don't decide about a kink, it is one, in practice.
ORACLE_BITS = 1024

# A ball is small enough when its radius is no more than this part of what it is compared with.
SMALL = 0.01


@dataclass(frozen=True)
class Enclosure:
    """Where the exact values of a case lie: within `radius` of `high + low`, entry by entry.

    high is the exact value's nearest float64, low what is left of it: together they hold 106 bits. undecided: how many
    ReLU inputs, over all samples, are so near 0 that `bits` of precision did not decide their side.
    """

    high: Answer
    low: Answer
    radius: Answer
    undecided: int
    bits: int

    def distance(self, quantity: Quantity, values: Array) -> tuple[Array, Array]:
        """The least and the largest distance that the values may have from the exact ones, entry by entry.

        Of NaN that is infinite, and of anything from what is beyond float64 between 0 and infinity.
        """
        values, radius = values.astype(np.float64), self.radius[quantity]
        with np.errstate(all="ignore"):
            middle = np.abs((values - self.high[quantity]) - self.low[quantity])
            # Each subtraction rounds by u = 2^-53, and a margin.
            slack = middle * 2.0**-51 + radius
            least, most = np.maximum(middle - slack, 0.0), middle + slack
        least, most = (np.where(np.isfinite(values), distance, np.inf) for distance in (least, most))
        return np.where(np.isfinite(radius), least, 0.0), np.where(np.isfinite(radius), most, np.inf)


def enclose(case: Case, allowed: Answer | None = None, *, bits: int = BITS, most_bits: int = MOST_BITS) -> Enclosure:
    """Enclose every quantity of a case, doubling the precision until the balls are small.

    allowed: what an entry is allowed to be off by; a ball is small enough at a hundredth of that, or where it has no
    radius at all. Without it, at a hundredth of the roundoff of float64. With `most_bits` the balls are taken as they
    are.
    """
    while True:
        with ctx.workprec(bits):
            found = _split(*_balls(case), bits)
        if bits >= most_bits or _small(found, allowed):
            return found
        bits = min(2 * bits, most_bits)


class CertifiedOracle(OneByOne):
    """The exact values, rounded to float64; NaN for what cannot be enclosed narrowly enough, as beside a kink.

    What it is compared with is allowed nothing but its own bound, and the rounding of the exact value.
    """

    name = "certified"
    arithmetic = CERTIFIED

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64."""
        return [_narrow(enclose(case, most_bits=ORACLE_BITS)) for case in cases]


def _narrow(found: Enclosure) -> Answer:
    return {q: np.where(found.radius[q] <= _smallest(found.high[q]), high, np.nan) for q, high in found.high.items()}


def _smallest(values: Array) -> Array:
    """The radius of a ball that float64 does not tell from a point."""
    smallest = np.finfo(np.float64)
    return np.maximum(
        SMALL * 2.0**-53 * np.maximum(np.abs(values), smallest.smallest_normal), smallest.smallest_subnormal
    )


def _small(found: Enclosure, allowed: Answer | None) -> bool:
    """Whether every ball that can be is small; where anything is allowed, any ball is."""
    for quantity, radius in found.radius.items():
        if allowed is None:
            enough = radius <= _smallest(found.high[quantity])
        else:
            limit = allowed[quantity]
            enough = (radius <= np.maximum(SMALL * limit, np.finfo(np.float64).smallest_subnormal)) | np.isinf(limit)
        if not np.all(enough):
            return False
    return found.undecided == 0


def _split(balls: dict[Quantity, Any], undecided: int, bits: int) -> Enclosure:
    """Each ball as two float64 numbers and a radius, infinite for what float64 does not reach."""
    shapes = {quantity: _shape(ball) for quantity, ball in balls.items()}
    flat = [ball for quantity, nested in balls.items() for ball in _flat(nested, shapes[quantity])]
    high = list(map(float, flat))
    rest = list(map(sub, flat, high))
    low = list(map(float, rest))
    parts = np.array([high, low, _all_above(list(map(arb.abs_upper, map(sub, rest, low))))])
    parts[1:, ~np.isfinite(parts).all(axis=0)] = np.array([[0.0], [np.inf]])
    ends = list(itertools.accumulate(math.prod(shape) for shape in shapes.values()))

    def shaped(part: Array) -> Answer:
        pieces = zip(shapes.items(), itertools.pairwise([0, *ends]), strict=True)
        return {quantity: part[start:end].reshape(shape) for (quantity, shape), (start, end) in pieces}

    return Enclosure(shaped(parts[0]), shaped(parts[1]), shaped(parts[2]), undecided, bits)


def _shape(nested: Any) -> tuple[int, ...]:
    """The shape of a ball, a list of balls, or a list of rows."""
    return (len(nested), *_shape(nested[0])) if isinstance(nested, list) else ()


def _flat(nested: Any, shape: tuple[int, ...]) -> Iterable[arb]:
    return itertools.chain.from_iterable(nested) if len(shape) == 2 else nested if shape else [nested]


def _all_above(bounds: Row) -> Array:
    """For each a float64 that is no less, and 0 for 0 alone."""
    return np.where(list(map(arb.is_zero, bounds)), 0.0, np.nextafter(list(map(float, bounds)), np.inf))


def above(bound: arb) -> float:
    """A float64 that is no less."""
    return 0.0 if bound.is_zero() else math.nextafter(float(bound), math.inf)


def _balls(case: Case) -> tuple[dict[Quantity, Any], int]:
    """All quantities of a case, as balls in lists, and the number of undecided ReLU inputs."""
    weights = [arb_mat(W.tolist()) for W in case.weights]
    y, scale = _exact(case.y), exact_scale(case)
    z, a, slopes = _forward(case, weights)
    found: dict[Quantity, Any] = {Quantity("output", i): output for i, output in enumerate(a)}
    found[Quantity("loss")] = scale * _sum(_loss_terms(case, z[-1], a[-1], y))
    delta = [[scale * d for d in row] for row in _output_delta(case, z[-1], a[-1], slopes[-1], y)]
    for i in range(case.depth, 0, -1):
        found[Quantity("dW", i)] = (arb_mat(delta).transpose() * arb_mat(a[i - 1])).tolist()
        found[Quantity("db", i)] = [_sum(column) for column in zip(*delta, strict=True)]
        if i > 1:
            arriving = (arb_mat(delta) * weights[i - 1]).tolist()
            delta = [list(map(mul, h, slope)) for h, slope in zip(arriving, slopes[i - 2], strict=True)]
    found |= _functions(_exact(case.x)) | _steps(case)
    relus = [slope for slope, g in zip(slopes, case.activations, strict=True) if g == "relu"]
    undecided = sum(not slope.is_exact() for layer in relus for row in layer for slope in row)
    return {quantity: found[quantity] for quantity in case.quantities}, undecided


def _exact(array: Array) -> Rows:
    """The numbers of a matrix as balls of radius 0."""
    return [[arb(value) for value in row] for row in array.tolist()]


def exact_scale(case: Case) -> arb:
    """The factor of the loss, over what it is a mean of."""
    parts = case.loss_parts
    return arb(parts.factor) / {"sum": 1, "mean": case.n, "entry_mean": case.n * case.widths[-1]}[parts.reduction]


def _sum(terms: Iterable[arb]) -> arb:
    return sum(terms, start=arb(0))


def _forward(case: Case, weights: list[arb_mat]) -> tuple[list[Rows], list[Rows], list[Rows]]:
    """The pre-activations of layers 1..L, x and the outputs of layers 1..L, and the slopes of layers 1..L.

    A softmax has no slopes of single entries; its list is empty.
    """
    z: list[Rows] = []
    a, slopes = [_exact(case.x)], list[Rows]()
    for W, b, g in zip(weights, case.biases, case.activations, strict=True):
        products, bias = (arb_mat(a[-1]) * W.transpose()).tolist(), [arb(value) for value in b.tolist()]
        z.append([list(map(add, row, bias)) for row in products])
        if g == "softmax":
            a.append([_softmax(row) for row in z[-1]])
            slopes.append([])
            continue
        both = [[ACTIVATION[g](value) for value in row] for row in z[-1]]
        a.append([[value for value, _ in row] for row in both])
        slopes.append([[slope for _, slope in row] for row in both])
    return z, a, slopes


def _square(value: arb) -> arb:
    """A product: Arb takes a power for exp(2 log x), which is nowhere for an x around 0."""
    return value * value


def _identity(z: arb) -> tuple[arb, arb]:
    return z, arb(1)


def _sigmoid(z: arb) -> tuple[arb, arb]:
    """1 / (1 + e^-z), and e^-z / (1 + e^-z)^2, in which nothing cancels."""
    e = (-z).exp()
    r = 1 / (1 + e)
    return r, e * r * r


def _relu(z: arb) -> tuple[arb, arb]:
    """max(0, z), and 1 where z > 0, else 0; all of [0, 1] where that is undecided."""
    if z > 0:
        return z, arb(1)
    if z <= 0:
        return arb(0), arb(0)
    return z.nonnegative_part(), arb(0.5, 0.5)


def _tanh(z: arb) -> tuple[arb, arb]:
    """(1 - e^-2z) / (1 + e^-2z), and 4 e^-2z / (1 + e^-2z)^2."""
    e = (-2 * z).exp()
    r = 1 / (1 + e)
    return (1 - e) * r, 4 * e * r * r


ACTIVATION: dict[str, Callable[[arb], tuple[arb, arb]]] = {
    "identity": _identity,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "tanh": _tanh,
}


def _exponentials(z: Row) -> tuple[Row, arb]:
    """e^z_j divided by one of the largest of them, and their sum."""
    j = max(range(len(z)), key=lambda j: float(z[j]))
    e = [(value - z[j]).exp() for value in z]
    e[j] = arb(1)
    return e, _sum(e)


def _softmax(z: Row) -> Row:
    e, total = _exponentials(z)
    return [value / total for value in e]


def _all_but_one(z: Row) -> Row:
    """1 - p_j, as the sum of the others, over the outputs p of a softmax."""
    e, total = _exponentials(z)
    return [_sum(e[:j] + e[j + 1 :]) / total for j in range(len(e))]


def _softplus(z: arb) -> arb:
    """log(1 + e^z)."""
    return z.exp().log1p()


def _loss_terms(case: Case, z: Rows, p: Rows, y: Rows) -> Iterator[arb]:
    """What the loss sums up, from the last pre-activations and outputs."""
    kind = case.loss_parts.kind
    if kind == "squared_error":
        return _squared_error(p, y)
    if kind == "cross_entropy":
        return _cross_entropy(z, y)
    return _logistic(z, y) if case.activations[-1] == "sigmoid" else _binary_cross_entropy(z, p, y)


def _squared_error(p: Rows, y: Rows) -> Iterator[arb]:
    """(p - y)^2."""
    return (_square(p - y) for p, y in _entries(p, y))


def _cross_entropy(z: Rows, y: Rows) -> Iterator[arb]:
    """-y log p after a softmax, whose logarithm is z_j minus that of the sum of all e^z."""
    for logits, labels in zip(z, y, strict=True):
        largest = max(logits, key=float)
        log_sum = largest + _sum((logit - largest).exp() for logit in logits).log()
        yield from (label * (log_sum - logit) for logit, label in zip(logits, labels, strict=True))


def _logistic(z: Rows, y: Rows) -> Iterator[arb]:
    """-(y log p + (1 - y) log(1 - p)) after a sigmoid: y log(1 + e^-z) + (1 - y) log(1 + e^z)."""
    return (y * _softplus(-z) + (1 - y) * _softplus(z) for z, y in _entries(z, y))


def _binary_cross_entropy(z: Rows, p: Rows, y: Rows) -> Iterator[arb]:
    """-(y log p + (1 - y) log(1 - p)) after a softmax, where 0 log 0 = 0."""
    others = [_all_but_one(row) for row in z]
    for (p_j, y_j), (q_j, _) in zip(_entries(p, y), _entries(others, y), strict=True):
        yield -(y_j * p_j.log() if y_j != 0 else arb(0)) - ((1 - y_j) * q_j.log() if y_j != 1 else arb(0))


def _entries(first: Rows, second: Rows) -> Iterator[tuple[arb, arb]]:
    """The entries of two matrices in pairs, row by row."""
    return ((a, b) for rows in zip(first, second, strict=True) for a, b in zip(*rows, strict=True))


def _output_delta(case: Case, z: Rows, p: Rows, slopes: Rows, y: Rows) -> Rows:
    """dL/dz at the last layer, without the loss's scale."""
    kind, activation = case.loss_parts.kind, case.activations[-1]
    if activation == "softmax":
        slope = WEIGHTED_SLOPE[kind]
        return [_through_softmax(slope(*rows), rows[1]) for rows in zip(z, p, y, strict=True)]
    difference = [list(map(sub, *rows)) for rows in zip(p, y, strict=True)]
    if kind == "binary_cross_entropy":
        return difference
    return [[2 * d * slope for d, slope in zip(*rows, strict=True)] for rows in zip(difference, slopes, strict=True)]


def _through_softmax(q: Row, p: Row) -> Row:
    """q - p sum q, where q_j = p_j dL/dp_j: the product with the Jacobian p_j ([j = l] - p_l)."""
    total = _sum(q)
    return [q_j - p_j * total for q_j, p_j in zip(q, p, strict=True)]


# p dL/dp from the last z, p and y of a sample.
WEIGHTED_SLOPE: dict[str, Callable[[Row, Row, Row], Row]] = {
    "squared_error": lambda _, p, y: [2 * p_j * (p_j - y_j) for p_j, y_j in zip(p, y, strict=True)],
    "cross_entropy": lambda _, __, y: [-y_j for y_j in y],
    "binary_cross_entropy": lambda z, p, y: [
        -y_j + (1 - y_j) * p_j / q_j for p_j, y_j, q_j in zip(p, y, _all_but_one(z), strict=True)
    ],
}


def _functions(x: Rows) -> dict[Quantity, Any]:
    """The activations and their derivatives at x."""
    found: dict[Quantity, Any] = {Quantity("softmax"): [_softmax(row) for row in x]}
    for name in ("sigmoid", "relu", "tanh"):
        both = [[ACTIVATION[name](value) for value in row] for row in x]
        found[Quantity(name)] = [[value for value, _ in row] for row in both]
        found[Quantity(f"{name}_prime")] = [[slope for _, slope in row] for row in both]
    return found


def _steps(case: Case) -> dict[Quantity, Any]:
    """w - alpha g."""
    alpha = arb(case.learning_rate)
    found = {}
    for quantity, w, g in case.steps():
        stepped = [a - alpha * b for a, b in zip(map(arb, w.ravel().tolist()), g.ravel().tolist(), strict=True)]
        found[quantity] = np.array(stepped, dtype=object).reshape(w.shape).tolist()
    return found
