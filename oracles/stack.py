"""Many networks at a time: stacks of different networks, whose numbers are in lines or padded to one shape.

Everything that is worked out for many networks at once, oracles' answers and error bounds, is worked out for a stack.
What goes from number to number, or from network to network, goes along the lines. What goes from layer to layer for all
networks pads them, and nothing of a network depends on that:

- missing layers stand in front, so that the last layer of every network is the stack's last; there the input x is
  handed on unchanged;
- missing neurons have weights and biases 0, and weights 0 in the next layer;
- missing samples have inputs 0; whoever sums over samples or outputs leaves out those that are not there.

Deeper networks come first, so that those that have a layer at all are the first so many of a stack.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import OF_INPUT, Answer, Case
from backproof.oracles.layout import Layout
from backproof.reference_impl.contract import ACTIVATIONS, Array, LossKind

# What networks are padded to; past the largest, to the next power of two.
DEPTHS, WIDTHS, BATCHES = (2, 4, 8, 12), (4, 8, 16, 32, 64, 96), (4, 8, 16, 32, 48)

# How many numbers a layer of a stack has, and how many weights: enough to be worth the calls, few enough to stay in a
# processor's cache.
LAYER_SIZE, LARGEST_WEIGHTS = 1 << 17, 1 << 18

PASS_ON = len(ACTIVATIONS)  # the number of the activation that a missing layer has
LOSS_KINDS: tuple[LossKind, ...] = ("squared_error", "cross_entropy", "binary_cross_entropy")

# What is laid out besides quantities.
GIVEN = ("x", "y")

# The numbers of many networks by kind of quantity: network by network, layer by layer, row by row.
Flat = dict[str, Array]


class Shape(NamedTuple):
    """What a network is padded to: this many neurons and inputs in each layer, and samples."""

    width: int
    batch: int

    @property
    def capacity(self) -> int:
        """How many networks of the shape a stack takes."""
        networks = min(LAYER_SIZE // (self.width * self.batch), LARGEST_WEIGHTS // self.width**2)
        return max(1, networks)


def shape_of(case: Case) -> Shape:
    """The shape that a case is padded to."""
    return Shape(round_up(max(case.widths), WIDTHS), round_up(case.n, BATCHES))


def round_up(size: int, steps: Sequence[int]) -> int:
    """The first step that is enough; past the last, the next power of two."""
    return steps[bisect_left(steps, size)] if size <= steps[-1] else 1 << (size - 1).bit_length()


@dataclass(frozen=True, eq=False)
class Stack:
    """S networks of one shape, K neurons and N samples, with L layers at most.

    numbers: where its cases stand in the sequence that was stacked. depths, samples (S,). widths (S, L + 1): of x and
    every layer, 0 where there is none. activations (S, L), loss (S,): by their numbers in the contract and in
    `LOSS_KINDS`.
    """

    cases: tuple[Case, ...]
    numbers: tuple[int, ...]
    shape: Shape
    depths: Array
    samples: Array
    widths: Array
    activations: Array
    loss: Array

    @property
    def depth(self) -> int:
        """L."""
        return self.activations.shape[1]

    @cached_property
    def active(self) -> list[int]:
        """For each of the L layers, how many networks have it: the first so many."""
        depths = self.depths.tolist()
        return [sum(depth >= self.depth - t for depth in depths) for t in range(self.depth)]

    @property
    def layers(self) -> range:
        """The layers that any network has."""
        return range(self.depth - self.cases[0].depth, self.depth)

    @cached_property
    def longest(self) -> int:
        """How many samples a network has at most."""
        return int(self.samples.max())

    @cached_property
    def there(self) -> Array:
        """Which neurons there are, (S, L + 1, K)."""
        return np.arange(self.shape.width) < self.widths[:, :, None]

    @cached_property
    def sampled(self) -> Array:
        """Which samples there are, (S, N)."""
        return np.arange(self.shape.batch) < self.samples[:, None]

    @cached_property
    def first_widths(self) -> Array:
        """The number of inputs of each network, (S,)."""
        return self.widths[np.arange(len(self.depths)), self.depth - self.depths]

    @cached_property
    def inputs(self) -> Array:
        """Which inputs there are, (S, K)."""
        return np.arange(self.shape.width) < self.first_widths[:, None]

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """For each kind of quantity, and for x and y, where each network's arrays of it are."""
        widths, received = self.widths[:, 1:], self.widths[:, :-1]
        samples, there = self.samples[:, None], (received > 0).astype(int)
        inputs = Layout.of(samples, self.first_widths[:, None])
        one = np.ones_like(samples)
        return {
            "output": Layout.of(np.broadcast_to(samples, self.widths.shape), self.widths),
            "loss": Layout.of(one, one),
            **dict.fromkeys(("dW", "step_W"), Layout.of(widths * there, received)),
            **dict.fromkeys(("db", "step_b"), Layout.of(there, widths)),
            **dict.fromkeys((*OF_INPUT, "x"), inputs),
            "y": Layout.of(samples, self.widths[:, -1:]),
        }

    @cached_property
    def sizes(self) -> dict[str, Array]:
        """For each kind of quantity, how many numbers each network has of it, (S,)."""
        return {kind: layout.sizes.sum(axis=1) for kind, layout in self.layouts.items() if kind not in GIVEN}

    @cached_property
    def lines(self) -> Lines:
        """What the cases consist of; a step is tried with each weight matrix's entries reversed, and each bias's."""
        W = _numbers([W for case in self.cases for W in case.weights])
        b = _numbers([b for case in self.cases for b in case.biases])
        x, y = _numbers([case.x for case in self.cases]), _numbers([case.y for case in self.cases])
        return Lines(W, b, x, y, self.layouts["dW"].turned(W), self.layouts["db"].turned(b))

    def layout_of(self, kind: str, t: int) -> Layout:
        """Where the arrays of layer t are, for the networks that have it."""
        place = t + (kind == "output")  # the first array of outputs is x
        return self.layouts[kind].part(slice(self.active[t]), slice(place, place + 1))

    def last_layers(self, kind: str, networks: slice, L: int) -> Layout:
        """Where some of the networks' arrays are, of kinds that have some for each layer those of the last L layers."""
        single = kind in ("loss", *OF_INPUT, *GIVEN)
        return self.layouts[kind].part(networks, slice(None) if single else slice(self.depth - L, None))

    def array_shape(self, kind: str) -> tuple[int, ...]:
        """The shape of the stack's array of that kind."""
        S, L, (K, N) = len(self.cases), self.depth, self.shape
        return {
            "output": (S, L + 1, N, K),
            "loss": (S,),
            **dict.fromkeys(("dW", "step_W"), (S, L, K, K)),
            **dict.fromkeys(("db", "step_b"), (S, L, K)),
        }.get(kind, (S, N, K))

    @cached_property
    def x(self) -> Array:
        """(S, N, K)."""
        return self._padded("x", self.lines.x)

    @cached_property
    def y(self) -> Array:
        """(S, N, K)."""
        return self._padded("y", self.lines.y)

    @cached_property
    def learning_rate(self) -> Array:
        """(S,)."""
        return np.array([case.learning_rate for case in self.cases])

    @cached_property
    def scale(self) -> Array:
        """The losses' scales c, (S,)."""
        return np.array([case.loss_scale for case in self.cases])

    def _padded(self, kind: str, line: Array) -> Array:
        return self.layouts[kind].padded(line, self.array_shape(kind))

    def empty_line(self, kind: str) -> Array:
        """A line of all numbers of a kind, with whatever is in that memory."""
        return np.empty(int(self.sizes[kind].sum()))

    @property
    def input_layout(self) -> Layout:
        """Where x is among the outputs of each network."""
        layout, S = self.layouts["output"], np.arange(len(self.cases))
        return Layout(*(numbers[S, self.depth - self.depths][:, None] for numbers in layout))

    def flat(self, arrays: dict[str, Array]) -> Flat:
        """The stack's arrays of each kind, without padding."""
        found = {kind: self.empty_line(kind) for kind in arrays}
        for kind, array in arrays.items():
            self.layouts[kind].take(array, found[kind])
        return found

    def split(self, flat: Flat, chosen: Sequence[int] | None = None) -> list[Answer]:
        """Flat numbers as each case's answer, in the order of the stack's cases; without the kinds that are missing.

        chosen: the numbers of the cases to be split off, where that is not all.
        """
        edges = {kind: [*self.layouts[kind].starts[:, 0].tolist(), len(line)] for kind, line in flat.items()}
        return [
            _shaped(self.cases[s], {kind: line[edges[kind][s] : edges[kind][s + 1]] for kind, line in flat.items()})
            for s in (range(len(self.cases)) if chosen is None else chosen)
        ]

    def joined(self, answers: Sequence[Answer]) -> Flat:
        """What `split` takes apart, from the answers of the stack's cases."""
        kinds: dict[str, list[Array]] = {kind: [] for kind in self.sizes}
        for answer in answers:
            for quantity, array in answer.items():
                kinds[quantity.kind].append(np.ravel(array))
        return {kind: np.concatenate(arrays) for kind, arrays in kinds.items()}


class Lines(NamedTuple):
    """The numbers of a stack's cases in lines, float64; weights and biases layer by layer.

    step_weights, step_biases: the gradients that the cases try a step with.
    """

    weights: Array
    biases: Array
    x: Array
    y: Array
    step_weights: Array
    step_biases: Array


def in_a_line(arrays: Sequence[Array]) -> Array:
    """The numbers of arrays, one after the other."""
    dtypes = {array.dtype for array in arrays}
    return np.frombuffer(bytes_of(arrays), dtypes.pop()) if len(dtypes) == 1 else np.concatenate(arrays, axis=None)


def bytes_of(arrays: Sequence[Array]) -> bytearray:
    """The bytes of arrays of one dtype, one after the other, row by row."""
    try:
        # An eighth of the time that NumPy takes for many small arrays, where each of them is in one piece.
        return bytearray().join(arrays)  # type: ignore[arg-type]
    except (BufferError, TypeError):
        return bytearray(np.concatenate(arrays, axis=None))


def _numbers(arrays: Sequence[Array]) -> Array:
    """The numbers of arrays in a line, float64."""
    return in_a_line(arrays).astype(np.float64, copy=False)


def _shaped(case: Case, flat: Flat) -> Answer:
    """A case's numbers by kind as arrays by quantity."""
    answer, start = {}, dict.fromkeys(flat, 0)
    for quantity, shape in case.shapes.items():
        kind, size = quantity.kind, math.prod(shape)
        if kind not in flat:
            continue
        answer[quantity] = flat[kind][start[kind] : start[kind] + size].reshape(shape)
        start[kind] += size
    return answer


class ByStack(ABC):
    """An oracle that answers for a stack of networks at a time."""

    @abstractmethod
    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack, float64."""

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64."""
        found: dict[int, Answer] = {}
        for stack in stacks(cases):
            found |= zip(stack.numbers, stack.split(self.flat(stack)), strict=True)
        return [found[number] for number in range(len(cases))]


class OneByOne(ABC):
    """An oracle that answers for one network after the other."""

    @abstractmethod
    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64."""

    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack, float64."""
        return stack.joined(self.answers(stack.cases))


def stacks(cases: Sequence[Case]) -> Iterator[Stack]:
    """The cases in stacks: those of one shape together, deeper networks first."""
    groups: dict[Shape, list[int]] = {}
    for number, case in enumerate(cases):
        groups.setdefault(shape_of(case), []).append(number)
    for shape, numbers in groups.items():
        numbers.sort(key=lambda number: -cases[number].depth)
        for start in range(0, len(numbers), shape.capacity):
            yield stack_of(cases, numbers[start : start + shape.capacity], shape)


def stack_of(cases: Sequence[Case], numbers: Sequence[int], shape: Shape) -> Stack:
    """The cases of those numbers as one stack; deeper ones come first."""
    chosen = [cases[number] for number in numbers]
    L = round_up(chosen[0].depth, DEPTHS)
    return Stack(
        cases=tuple(chosen),
        numbers=tuple(numbers),
        shape=shape,
        depths=np.array([case.depth for case in chosen]),
        samples=np.array([case.n for case in chosen]),
        widths=np.array([(0,) * (L - case.depth) + case.widths for case in chosen]),
        activations=np.array(
            [[PASS_ON] * (L - case.depth) + [ACTIVATIONS.index(g) for g in case.activations] for case in chosen]
        ),
        loss=np.array([LOSS_KINDS.index(case.loss_parts.kind) for case in chosen]),
    )
