"""An implementation called on a stack's networks, one after the other as its users call it, with little around it.

What is just as the contract asks for goes into lines of numbers. The rest is kept as it is, and looked at a second time
to say what was the matter; it is what came first that counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from backproof.oracles.case import KINDS, OF_INPUT, Case, Quantity, Shapes
from backproof.oracles.comparison import Problem
from backproof.oracles.layout import starts_of
from backproof.oracles.segments import gather
from backproof.oracles.stack import Flat, Stack, bytes_of
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import (
    Implementation,
    arguments_of,
    changed_arguments,
    copied,
    outcome,
    say_changed,
)
from backproof.verification.place import Place
from backproof.verification.repeated import BEFORE, Later, Repeated, is_asked_again
from backproof.verification.wording import conjoin

# The parts of a case as they lie in memory, each with the functions that get it.
GIVEN_TO = {
    "weights": ("forward", "backward", "gradient_descent_step"),
    "biases": ("forward", "backward", "gradient_descent_step"),
    "x": ("forward", "backward", *OF_INPUT),
    "y": ("loss", "backward"),
    "grad_weights": ("gradient_descent_step",),
    "grad_biases": ("gradient_descent_step",),
    "prediction": ("loss",),
}


class Answers(NamedTuple):
    """What the functions give for a stack's cases: numbers in float64, of the kinds that there are functions for.

    sound (S,): for which cases all of it is just what the contract asks for; NaN stands for the numbers of the others.
    first: of those others, by their numbers in the stack, whatever it is that they gave for each quantity. later: what
    else some gave when they were asked again.
    """

    lines: Flat
    sound: Array
    first: dict[int, dict[Quantity, Any]]
    later: dict[int, dict[Quantity, Later]]


def answers_of(implementation: Implementation, stack: Stack, predictions: Array, *, again: bool = True) -> Answers:
    """Call the functions on each case of a stack, and on some cases again if `again` says so.

    predictions: what the loss is asked about, in a line. All functions get the same arrays, which saves most of the
    time. An answer is not sound where a function raises, gives anything else than it should or changes an argument. The
    first answer counts; the second says what was the matter.
    """
    given, place = _Given(stack, predictions), implementation.place
    found, results, repeated = list[_Answer | None](), list[_Results](), dict[int, Repeated]()
    with implementation.at_work():
        for s, (case, arguments) in enumerate(zip(stack.cases, given, strict=True)):
            place.network(stack.numbers[s], case.dtype)
            if again and (s == 0 or is_asked_again(case)):
                repeated[s] = Repeated(implementation, case, prediction_of(stack, predictions, s))
            result = _ask(implementation.functions, arguments, place)
            answer = _sound(result, arguments)
            found.append(answer)
            results.append(copied(result) if answer is None else {})
            if s in repeated:
                repeated[s].keep(result)
        first, changed = dict[int, dict[Quantity, Any]](), given.changed()
        for s, parts in changed.items():
            found[s] = None
            results[s] = _who_changed(implementation, stack.cases[s], prediction_of(stack, predictions, s), parts)
        for s, answer in enumerate(found):
            if answer is None:
                place.network(stack.numbers[s], stack.cases[s].dtype)
                case, prediction = stack.cases[s], prediction_of(stack, predictions, s)
                first[s] = implementation.distributed(
                    case, _looked_at_twice(implementation, case, prediction, results[s])
                )
        later = {}
        for s, network in reversed(repeated.items()):
            place.network(stack.numbers[s], stack.cases[s].dtype)
            if s not in changed and (found_later := network.later()):
                later[s] = found_later
    sound = np.array([answer is not None for answer in found])
    return Answers(_lines(implementation, stack, found, sound), sound, first, later)


class _Arguments(NamedTuple):
    """What a case's functions are called with."""

    case: Case
    prediction: Array
    step_gradients: tuple[list[Array], list[Array]]


# The result of each function, by name, or a `Problem` where there is none.
_Results = dict[str, Any]


class _Answer(NamedTuple):
    """A sound answer: the numbers of all arrays, in the order of the functions and of what they give, and the loss."""

    numbers: bytearray
    loss: float


def _ask(functions: Mapping[str, Callable[..., Any]], arguments: _Arguments, place: Place) -> _Results:
    """What each function gives, and a `Problem` where it raises or changes a list."""
    results: _Results = {}
    x = arguments.case.x
    for name, function in functions.items():
        if name in OF_INPUT:  # `arguments_of` says the same of these, but there are seven of them
            results[name] = outcome(function, name, (x,), place)
            continue
        given = arguments_of(name, *arguments)
        lists = [list(argument) if type(argument) is list else argument for argument in given]
        results[name] = outcome(function, name, given, place)
        try:
            unchanged = given == lists  # the same objects; else arrays are compared, which have no one answer
        except ValueError:
            unchanged = False
        if not unchanged and (changed := changed_arguments(lists, given)):
            results[name] = Problem(say_changed(name, changed))
    return results


def _sound(results: _Results, arguments: _Arguments) -> _Answer | None:
    """The numbers of the results, if all of these are just what the contract asks for."""
    case, loss = arguments.case, 0.0
    x, of_kind, dtype = case.x, case.kind_shapes, case.x.dtype
    arrays, shapes = list[Any](), Shapes()
    for name, result in results.items():
        if name in OF_INPUT:
            arrays.append(result)
            shapes.append(x.shape)
        elif name == "loss":
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
    for array, shape in zip(arrays, shapes, strict=True):
        if type(array) is not np.ndarray or array.shape != shape or array.dtype != dtype:
            return None
    # The arrays are not kept: little memory is used again and again.
    return _Answer(bytes_of(arrays), loss)


def prediction_of(stack: Stack, predictions: Array, s: int) -> Array:
    """What the loss of a case is asked about."""
    case, start = stack.cases[s], stack.layouts["y"].starts[s, 0]
    with np.errstate(all="ignore"):  # whatever the implementation has set
        return predictions[start : start + case.y.size].reshape(case.y.shape).astype(case.dtype)


def _looked_at_twice(implementation: Implementation, case: Case, prediction: Array, results: _Results) -> _Results:
    """The results, in which what raised says so if it does not always."""
    looked_at = dict(results)
    for name, result in results.items():
        if not isinstance(result, Problem) or result.cause.startswith(BEFORE):
            continue
        again = implementation.call(name, arguments_of(name, case, prediction))
        if not isinstance(again, Problem):
            looked_at[name] = Problem(f"{BEFORE}: {result.cause}, and not when it was asked again")
    return looked_at


def _who_changed(implementation: Implementation, case: Case, prediction: Array, parts: Sequence[str]) -> _Results:
    """What the functions give with arrays of their own, where one of them has changed the parts of the case.

    If none of them does so again, it may have been any that gets these parts.
    """
    results = {
        name: implementation.call(name, arguments_of(name, case, prediction)) for name in implementation.functions
    }
    if not any(isinstance(result, Problem) for result in results.values()):
        once = Problem(f"{BEFORE}: {conjoin(parts)} changed while this was asked, and not when it was asked again")
        results |= {name: once for name in results if any(name in GIVEN_TO[part] for part in parts)}
    return results


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

    def changed(self) -> dict[int, list[str]]:
        """Which of the arguments have changed, to the bit, for each case by number in which any has."""
        bits = f"u{self._memory.itemsize}"
        same = self._memory.view(bits) == self._before.view(bits)
        if same.all():
            return {}
        by_case = np.logical_and.reduceat(same, starts_of(np.concatenate(self._sizes))).reshape(len(self._sizes), -1)
        return {
            int(s): [part for part, kept in zip(GIVEN_TO, by_case[:, s], strict=True) if not kept]
            for s in np.flatnonzero(~by_case.all(axis=0))
        }
