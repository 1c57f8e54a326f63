"""Which corners of what may be drawn a network meets: one table, read by whoever counts them and by the tests.

They are found for a stack of networks at a time, from its numbers and from the outputs that one oracle gives for it.
What is meant is the case as it is drawn, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from backproof.oracles.segments import last_outputs
from backproof.oracles.stack import LOSS_KINDS, PASS_ON, Stack
from backproof.reference_impl.contract import ACTIVATIONS, Array

SQUARED_ERROR, CROSS_ENTROPY, BINARY = range(len(LOSS_KINDS))
SIGMOID, RELU, SOFTMAX = map(ACTIVATIONS.index, ("sigmoid", "relu", "softmax"))

# What is predicted to be less probable than this, and is the case, is confidently wrong.
IMPROBABLE = 1e-12


@dataclass(frozen=True)
class Seen:
    """A stack, and an oracle's outputs in a line.

    Properties are one for each network, (S,), but for predictions and likelihoods, which are in lines.
    """

    stack: Stack
    outputs: Array

    @cached_property
    def predictions(self) -> Array:
        """The last layers' outputs."""
        return last_outputs(self.stack, self.outputs)

    def over(self, kind: str, found: np.ufunc, line: Array) -> Array:
        """What a function such as a maximum gives over all of a network's numbers of a kind, which are in a line."""
        result: Array = found.reduceat(line, self.stack.layouts[kind].starts[:, 0])
        return result

    def any_of(self, kind: str, holds: Array) -> Array:
        """Whether a condition holds for any of a network's numbers of a kind."""
        return self.over(kind, np.logical_or, holds)

    def negative_zero(self, kind: str, line: Array) -> Array:
        """Whether any of a network's numbers of a kind is -0.0."""
        return self.any_of(kind, line.view(np.int64) == np.iinfo(np.int64).min)

    def predicted(self, loss: int, holds: Array) -> Array:
        """Whether the loss is of a kind, and a condition holds for any prediction."""
        return (self.stack.loss == loss) & self.any_of("y", holds)

    @cached_property
    def largest_input(self) -> Array:
        """The largest |x|."""
        return self.over("x", np.maximum, np.abs(self.stack.lines.x))

    @cached_property
    def smallest_input(self) -> Array:
        """The smallest |x| but for 0; infinite where all are 0."""
        x = np.abs(self.stack.lines.x)
        return self.over("x", np.minimum, np.where(x > 0, x, np.inf))

    @property
    def probabilities(self) -> Array:
        """Whether the last layer has sigmoids or a softmax."""
        last = self.stack.activations[:, -1]
        return (last == SIGMOID) | (last == SOFTMAX)

    @cached_property
    def likelihood(self) -> Array:
        """How probable the prediction makes what is the case, p for a label 1 and 1 - p for a label 0, in a line."""
        p, y = self.predictions, self.stack.lines.y
        return np.where(y == 1, p, np.where(y == 0, 1 - p, 1.0))

    @cached_property
    def tied(self) -> Array:
        """Whether two of a softmax's outputs are the largest of a sample."""
        p, rows = self.predictions, self._rows("y")
        largest = np.repeat(np.maximum.reduceat(p, rows.starts), rows.lengths)
        alike = np.add.reduceat((p == largest).astype(np.int64), rows.starts) > 1
        return (self.stack.activations[:, -1] == SOFTMAX) & rows.any_of(alike)

    @cached_property
    def sample_twice(self) -> Array:
        """Whether two rows of x are the same, to the bit."""
        rows = self._rows("x")
        column = np.arange(len(self.stack.lines.x)) - np.repeat(rows.starts, rows.lengths)
        sums = np.add.reduceat(self._bits * _odd(self.stack.shape.width)[column], rows.starts)
        return _twice(sums, np.repeat(np.arange(len(rows.numbers)), rows.numbers), len(rows.numbers))

    @cached_property
    def feature_twice(self) -> Array:
        """Whether two columns of x, of two samples and more, are the same, to the bit."""
        rows, widths = self._rows("x"), self.stack.first_widths
        number = np.arange(len(rows.lengths)) - np.repeat(np.cumsum(rows.numbers) - rows.numbers, rows.numbers)
        sums = np.zeros(widths.sum(), np.uint64)
        first = np.repeat(np.cumsum(widths) - widths, rows.numbers)
        place = np.arange(len(self.stack.lines.x)) + np.repeat(first - rows.starts, rows.lengths)
        np.add.at(sums, place, self._bits * np.repeat(_odd(self.stack.shape.batch)[number], rows.lengths))
        return _twice(sums, np.repeat(np.arange(len(widths)), widths), len(widths)) & (self.stack.samples > 1)

    @cached_property
    def shown_before(self) -> Array:
        """Whether another network of the stack has the very same x."""
        place = np.arange(len(self._bits)) - np.repeat(
            self.stack.layouts["x"].starts[:, 0], self.stack.sizes["sigmoid"]
        )
        sums = self.over("x", np.add, self._bits * _odd(int(place.max()) + 1)[place])
        _, which, number = np.unique(sums, return_inverse=True, return_counts=True)
        return number[which] > 1

    @cached_property
    def at_a_kink(self) -> Array:
        """Whether a neuron of a ReLU layer has neither weights nor a bias, so that its pre-activation is 0."""
        lines, rows = self.stack.lines, self._rows("dW")
        weights = np.logical_or.reduceat(lines.weights != 0, rows.starts)
        relu = np.repeat(self.stack.activations.ravel() == RELU, self.stack.layouts["dW"].rows.ravel())
        return self.any_of("db", relu & ~weights & (lines.biases == 0))

    @cached_property
    def dead(self) -> Array:
        """Whether a layer of ReLUs gives 0 everywhere."""
        layout, relu = self.stack.layouts["output"], self.stack.activations == RELU
        there, largest = layout.sizes > 0, np.ones(layout.sizes.shape)
        largest[there] = np.maximum.reduceat(self.outputs, layout.starts[there])
        return (relu & (largest[:, 1:] == 0)).any(axis=1)

    @cached_property
    def _bits(self) -> Array:
        """The bits of x as integers."""
        return self.stack.lines.x.view(np.uint64)

    def _rows(self, kind: str) -> _Rows:
        layout = self.stack.layouts[kind]
        lengths = np.repeat(layout.columns.ravel(), layout.rows.ravel())
        return _Rows(np.cumsum(lengths) - lengths, lengths, layout.rows.sum(axis=1))


class _Rows(NamedTuple):
    """The rows of a kind's arrays: where each starts in a line, how long it is, and how many each network has."""

    starts: Array
    lengths: Array
    numbers: Array

    def any_of(self, holds: Array) -> Array:
        """Whether a condition holds for any of a network's rows."""
        found: Array = np.logical_or.reduceat(holds, np.cumsum(self.numbers) - self.numbers)
        return found


def _odd(number: int) -> Array:
    """Odd numbers without a pattern: sums of integers times these tell one order from another."""
    return np.random.default_rng(0).integers(0, 2**64, number, np.uint64) | np.uint64(1)


def _twice(sums: Array, networks: Array, number: int) -> Array:
    """For so many networks, whether two of the sums that are theirs are equal."""
    order = np.lexsort((sums, networks))
    sums, networks = sums[order], networks[order]
    equal = (sums[1:] == sums[:-1]) & (networks[1:] == networks[:-1])
    return np.bincount(networks[1:][equal], minlength=number) > 0


# Each corner by the name that people read.
CORNERS: dict[str, Callable[[Seen], Array]] = {
    "65 neurons and more": lambda seen: seen.stack.widths.max(axis=1) > 64,
    "33 samples and more": lambda seen: seen.stack.samples > 32,
    "9 layers and more": lambda seen: seen.stack.depths > 8,
    "inputs above 10^4": lambda seen: seen.largest_input > 1e4,
    "inputs above 10^8": lambda seen: seen.largest_input > 1e8,
    "inputs that are subnormal": lambda seen: seen.smallest_input < np.finfo(np.float64).smallest_normal,
    "inputs that are subnormal in float32": lambda seen: seen.smallest_input < np.finfo(np.float32).smallest_normal,
    "-0.0 among inputs": lambda seen: seen.negative_zero("x", seen.stack.lines.x),
    "-0.0 among weights": lambda seen: seen.negative_zero("dW", seen.stack.lines.weights),
    "-0.0 among biases": lambda seen: seen.negative_zero("db", seen.stack.lines.biases),
    "a sample twice": lambda seen: seen.sample_twice,
    "a feature twice": lambda seen: seen.feature_twice,
    "another network's samples": lambda seen: seen.shown_before,
    "labels of 0": lambda seen: seen.any_of("y", seen.stack.lines.y == 0),
    "labels of 1/2": lambda seen: seen.any_of("y", seen.stack.lines.y == 0.5),
    "labels of 1": lambda seen: seen.any_of("y", seen.stack.lines.y == 1),
    "labels outside of [0, 1]": lambda seen: seen.any_of("y", (seen.stack.lines.y < 0) | (seen.stack.lines.y > 1)),
    "a confident mistake under a squared error": lambda seen: (
        seen.predicted(SQUARED_ERROR, seen.likelihood < 1e-6) & seen.probabilities
    ),
    "a confident mistake under a cross-entropy": lambda seen: seen.predicted(
        CROSS_ENTROPY, (seen.stack.lines.y > 0) & (seen.predictions < IMPROBABLE)
    ),
    "a confident mistake about a label 1 of a binary cross-entropy": lambda seen: seen.predicted(
        BINARY, (seen.likelihood < IMPROBABLE) & (seen.stack.lines.y == 1)
    ),
    "a confident mistake about a label 0 of a binary cross-entropy": lambda seen: seen.predicted(
        BINARY, (seen.likelihood < IMPROBABLE) & (seen.stack.lines.y == 0)
    ),
    "a label's probability below 10^-100": lambda seen: (
        seen.any_of("y", (seen.stack.lines.y > 0) & (seen.predictions > 0) & (seen.predictions < 1e-100))
        & (seen.stack.loss != SQUARED_ERROR)
    ),
    "equal largest outputs before a softmax": lambda seen: seen.tied,
    "a pre-activation of exactly 0 before a ReLU": lambda seen: seen.at_a_kink,
    "a layer of dead ReLUs": lambda seen: seen.dead,
    "a learning rate of 0": lambda seen: seen.stack.learning_rate == 0,
    "a negative learning rate": lambda seen: seen.stack.learning_rate < 0,
    "a learning rate above 1": lambda seen: seen.stack.learning_rate > 1,
}


def hidden_activations(stack: Stack) -> Array:
    """For each network of a stack its hidden layers' activations: a bit for each, in the contract's order, (S,)."""
    hidden = stack.activations[:, :-1]
    found: Array = np.bitwise_or.reduce(np.where(hidden == PASS_ON, 0, 1 << hidden), axis=1, initial=0)
    return found


def corners_met(seen: Seen) -> Array:
    """For each network of a stack the corners that it meets: a bit for each of `CORNERS`, in their order, (S,)."""
    found = np.zeros(len(seen.stack.cases), np.int64)
    for number, met in enumerate(CORNERS.values()):
        found |= met(seen).astype(np.int64) << number
    return found
