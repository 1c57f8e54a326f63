"""Error bounds of whole networks: of what they give forward, of the loss, of gradients, and of the single functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backproof.oracles.bounds import functions, propagation
from backproof.oracles.bounds.arithmetic import Arithmetic, alike
from backproof.oracles.case import Answer, Case
from backproof.oracles.stack import Flat, Stack, stacks
from backproof.reference_impl.contract import Array


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


def bounds(cases: Sequence[Case], arithmetics: Sequence[Arithmetic], *, shared: bool = False) -> list[Bounds]:
    """The error bounds of each case under each arithmetic: entries >= 0, and infinite where nothing can be said.

    shared: as in `stack_bounds`.
    """
    found: dict[int, Bounds] = {}
    for stack in stacks(cases):
        both = stack_bounds(stack, arithmetics, shared=shared)
        answers = [
            stack.split({kind: array[i] for kind, array in both.allowances.items()}) for i in range(len(arithmetics))
        ]
        for s, (number, *allowances) in enumerate(zip(stack.numbers, *answers, strict=True)):
            found[number] = Bounds(tuple(allowances), tuple(both.undecided[:, s].tolist()))
    return [found[number] for number in range(len(cases))]


def stack_bounds(stack: Stack, arithmetics: Sequence[Arithmetic], *, shared: bool = False) -> StackBounds:
    """The error bounds of a stack's cases, as `bounds` has them.

    shared: arithmetics of one precision get one bound for what passes through a network, which holds for all of them.
    """
    passing, group = alike(arithmetics) if shared else (list(arithmetics), list(range(len(arithmetics))))
    with np.errstate(all="ignore"):  # where nothing is compiled
        passes = [propagation.passes(stack, one) for one in passing]
        found = functions.functions(stack, arithmetics) | functions.steps(stack, arithmetics)
    for kind in passes[0][0]:
        found[kind] = _of_each(np.array([lines[kind] for lines, _ in passes]), group)
    undecided = _of_each(np.array([undecided for _, undecided in passes]), group)
    return StackBounds({kind: found[kind] for kind in stack.sizes}, undecided)


def _of_each(array: Array, group: list[int]) -> Array:
    """What was found for the arithmetics that pass through networks, for each of those asked for."""
    if len(array) == 1:
        return np.broadcast_to(array, (len(group), *array.shape[1:]))
    return array if len(array) == len(group) else array[group]
