"""An implementation called on a stack's networks, one after the other as its users call it, with little around it.

Everything has to be just what the contract asks for here. Where something is not, `Implementation.answer` finds out
what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from backproof.oracles.case import KINDS, OF_INPUT, Case, Shapes
from backproof.oracles.layout import starts_of
from backproof.oracles.segments import gather
from backproof.oracles.stack import Flat, Stack, bytes_of
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import Implementation, arguments_of


class Answers(NamedTuple):
    """What the functions give for a stack's cases: numbers in float64, of the kinds that there are functions for.

    sound (S,): for which cases all of it is just what the contract asks for; NaN stands for the numbers of the others.
    """

    lines: Flat
    sound: Array


def answers_of(implementation: Implementation, stack: Stack, predictions: Array) -> Answers:
    """Call the functions on each case of a stack.

    predictions: what the loss is asked about, in a line. All functions get the same arrays, which saves most of the
    time. An answer is not sound where a function raises, gives anything else than it should or changes an argument.
    """
    given, found = _Given(stack, predictions), list[_Answer | None]()
    with np.errstate(all="ignore"):
        for arguments in given:
            found.append(_answer(implementation.functions, arguments))
    answers = [answer if kept else None for answer, kept in zip(found, given.unchanged(), strict=True)]
    sound = np.array([answer is not None for answer in answers])
    return Answers(_lines(implementation, stack, answers, sound), sound)


class _Arguments(NamedTuple):
    """What a case's functions are called with."""

    case: Case
    prediction: Array
    step_gradients: tuple[list[Array], list[Array]]


class _Answer(NamedTuple):
    """A sound answer: the numbers of all arrays, in the order of the functions and of what they give, and the loss."""

    numbers: bytearray
    loss: float


def _answer(functions: dict[str, Callable[..., Any]], arguments: _Arguments) -> _Answer | None:
    case, loss = arguments.case, 0.0
    x, of_kind, dtype = case.x, case.kind_shapes, case.x.dtype
    arrays, shapes = list[Any](), Shapes()
    try:
        for name, function in functions.items():
            if name in OF_INPUT:  # `arguments_of` says the same of these, but there are seven of them
                arrays.append(function(x))
                shapes.append(x.shape)
                continue
            result = function(*arguments_of(name, *arguments))
            if name == "loss":
                if type(result) not in (float, dtype.type):
                    return None
                loss = result
            else:
                kinds = KINDS[name]
                parts = (result,) if len(kinds) == 1 else result
                if type(parts) not in (tuple, list) or len(parts) != len(kinds):
                    return None
                for kind, part in zip(kinds, parts, strict=True):
                    if type(part) not in (tuple, list) or len(part) != len(of_kind[kind]):
                        return None
                    arrays += part
                    shapes += of_kind[kind]
    except (Exception, SystemExit):
        return None
    for array, shape in zip(arrays, shapes, strict=True):
        if type(array) is not np.ndarray or array.shape != shape or array.dtype != dtype:
            return None
    # The arrays are not kept: little memory is used again and again.
    return _Answer(bytes_of(arrays), loss)


def _lines(implementation: Implementation, stack: Stack, answers: Sequence[_Answer | None], sound: Array) -> Flat:
    """The answers by kind, NaN for those that are not sound."""
    kinds = [kind for name in implementation.functions for kind in KINDS[name] if kind != "loss"]
    line = np.frombuffer(b"".join([answer.numbers for answer in answers if answer]), stack.cases[0].dtype)
    sizes = np.array([stack.sizes[kind] for kind in kinds]).reshape(len(kinds), len(answers)) * sound
    found = {}
    for kind, start in zip(kinds, np.where(sound, starts_of(sizes.T).T, -1), strict=True):
        found[kind] = stack.empty_line(kind)
        gather(line, start, stack.sizes[kind], found[kind])
    if "loss" in implementation.functions:
        found["loss"] = np.array([np.nan if answer is None else answer.loss for answer in answers], float)
    return found


class _Given:
    """What the functions are given for each case of a stack, in memory that is theirs."""

    def __init__(self, stack: Stack, predictions: Array) -> None:
        self._cases = stack.cases
        kinds, lines = ("dW", "db", "x", "y", "step_W", "step_b", "y"), (*stack.lines, predictions)
        self._sizes = [stack.layouts[kind].sizes.sum(axis=1) for kind in kinds]
        self._memory = np.concatenate(lines, dtype=stack.cases[0].dtype)
        self._before = self._memory.copy()

    def __iter__(self) -> Iterator[_Arguments]:
        """The cases with arrays of that memory."""
        W, b, x, y, step_W, step_b, shown = np.split(
            self._memory, np.cumsum([sizes.sum() for sizes in self._sizes[:-1]])
        )
        i = j = m = o = 0
        for case in self._cases:
            weights, biases, slopes, offsets = list[Array](), list[Array](), list[Array](), list[Array]()
            for received, k in itertools.pairwise(case.widths):
                end = i + k * received
                weights.append(W[i:end].reshape(k, received))
                slopes.append(step_W[i:end].reshape(k, received))
                biases.append(b[j : j + k])
                offsets.append(step_b[j : j + k])
                i, j = end, j + k
            (n, k_0), end = case.x.shape, o + case.y.size
            theirs = Case.of_parts_that_fit(
                weights=weights,
                biases=biases,
                x=x[m : m + n * k_0].reshape(n, k_0),
                y=y[o:end].reshape(case.y.shape),
                activations=case.activations,
                loss=case.loss,
                learning_rate=case.learning_rate,
                widths=case.widths,
            )
            prediction = shown[o:end].reshape(case.y.shape)
            m, o = m + n * k_0, end
            yield _Arguments(theirs, prediction, (slopes, offsets))

    def unchanged(self) -> list[bool]:
        """For each case whether all of its numbers are what they were, to the bit."""
        bits = f"u{self._memory.itemsize}"
        same = self._memory.view(bits) == self._before.view(bits)
        if same.all():
            return [True] * len(self._cases)
        by_case = np.logical_and.reduceat(same, starts_of(np.concatenate(self._sizes))).reshape(len(self._sizes), -1)
        return [bool(all(kept)) for kept in by_case.T]
