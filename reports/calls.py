"""An implementation called on a stack's networks, one after the other as its users call it, with little around it.

Everything has to be just what the contract asks for here. Where something is not, `Implementation.answer` finds out
what it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from oracles.case import KINDS, Case
from oracles.stack import Stack, in_a_line
from reference_impl.contract import Array
from reports.implementation import LISTS, Implementation, arguments_of

# A case's answers by kind of quantity, layer by layer.
Sound = dict[str, list[Any]]


def sound_answers(implementation: Implementation, stack: Stack, predictions: Sequence[Array]) -> list[Sound | None]:
    """What the functions give for each case of a stack, if it is just what the contract asks for.

    predictions: for each case what the loss is asked about. None where a function raises, gives anything else or
    changes an argument. All functions get the same arrays, which saves most of the time. Functions that are missing
    have no kinds.
    """
    given, found = _Given(stack, predictions), list[Sound | None]()
    with np.errstate(all="ignore"):
        for arguments in given:
            found.append(_sound_answer(implementation, arguments))
    return [answer if kept else None for answer, kept in zip(found, given.unchanged(), strict=True)]


class _Arguments(NamedTuple):
    """What a case's functions are called with."""

    case: Case
    prediction: Array
    step_gradients: tuple[list[Array], list[Array]]


def _sound_answer(implementation: Implementation, arguments: _Arguments) -> Sound | None:
    found: Sound = {}
    try:
        for name, function in implementation.functions.items():
            result = function(*arguments_of(name, *arguments))
            if name not in LISTS:
                found[name] = [result]
                continue
            kinds = KINDS[name]
            parts = (result,) if len(kinds) == 1 else result
            if type(parts) not in (tuple, list) or len(parts) != len(kinds):
                return None
            for kind, part in zip(kinds, parts, strict=True):
                if type(part) not in (tuple, list):
                    return None
                found[kind] = list(part)
    except (Exception, SystemExit):
        return None
    return found if _is_sound(found, arguments.case) else None


def _is_sound(found: Sound, case: Case) -> bool:
    """Whether these are plain arrays of the right shapes and dtype; for the loss a float will do."""
    dtype, shapes = case.x.dtype, case.kind_shapes
    for kind, arrays in found.items():
        if kind == "loss":
            if type(arrays[0]) not in (float, dtype.type):
                return False
        elif [array.shape if type(array) is np.ndarray and array.dtype == dtype else None for array in arrays] != (
            shapes[kind]
        ):
            return False
    return True


class _Given:
    """What the functions are given for each case of a stack, in memory that is theirs."""

    def __init__(self, stack: Stack, predictions: Sequence[Array]) -> None:
        self._cases, self._predictions = stack.cases, predictions
        given = stack.lines
        lines = {
            "dW": given.weights,
            "db": given.biases,
            "step_W": given.step_weights,
            "step_b": given.step_biases,
            "softmax": given.x,
        }
        shown = [array for pair in zip(stack.cases, predictions, strict=True) for array in (pair[0].y, pair[1])]
        self._sizes = [*(stack.sizes[kind] for kind in lines), 2 * np.array([case.y.size for case in stack.cases])]
        self._memory = np.concatenate([*lines.values(), in_a_line(shown)], dtype=stack.cases[0].dtype)
        self._before = self._memory.copy()

    def __iter__(self) -> Iterator[_Arguments]:
        """The cases with arrays of that memory."""
        W, b, step_W, step_b, x, shown = np.split(self._memory, np.cumsum([sizes.sum() for sizes in self._sizes[:-1]]))
        i = j = m = o = 0
        for case in self._cases:
            weights, biases, slopes, offsets = list[Array](), list[Array](), list[Array](), list[Array]()
            for shape in case.kind_shapes["dW"]:
                k, received = shape
                weights.append(W[i : i + k * received].reshape(shape))
                slopes.append(step_W[i : i + k * received].reshape(shape))
                biases.append(b[j : j + k])
                offsets.append(step_b[j : j + k])
                i, j = i + k * received, j + k
            (n, k_0), size = case.x.shape, case.y.size
            theirs = Case.of_parts_that_fit(
                weights=weights,
                biases=biases,
                x=x[m : m + n * k_0].reshape(n, k_0),
                y=shown[o : o + size].reshape(case.y.shape),
                activations=case.activations,
                loss=case.loss,
                learning_rate=case.learning_rate,
                kind_shapes=case.kind_shapes,
            )
            prediction = shown[o + size : o + 2 * size].reshape(case.y.shape)
            m, o = m + n * k_0, o + 2 * size
            yield _Arguments(theirs, prediction, (slopes, offsets))

    def unchanged(self) -> list[bool]:
        """For each case whether all of its numbers are what they were, to the bit."""
        bits = f"u{self._memory.itemsize}"
        same = self._memory.view(bits) == self._before.view(bits)
        if same.all():
            return [True] * len(self._cases)
        starts = np.cumsum([0, *np.concatenate(self._sizes)[:-1]])
        by_case = np.logical_and.reduceat(same, starts).reshape(len(self._sizes), -1)
        return [bool(all(kept)) for kept in by_case.T]
