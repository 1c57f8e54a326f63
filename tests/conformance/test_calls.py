"""What holds for every function, however it is called."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from oracles.comparison import Problem
from reference_impl.contract import FUNCTIONS

from .examiner import Examiner, Function


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arguments_stay_as_they_are(examine: Examiner, function: str) -> None:
    """No function writes into an array that it is given."""

    def called(call: Function) -> Function:
        def watched(*arguments: Any) -> Any:
            before = copy.deepcopy(arguments)
            result = call(*arguments)
            changed = any(not np.array_equal(a, b) for a, b in zip(_arrays(before), _arrays(arguments), strict=True))
            return Problem("an argument was changed") if changed else result

        return watched

    examine.unchanged(function, called)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_read_only_arrays(examine: Examiner, function: str) -> None:
    """Nor does it need to write into one and put back what was there."""
    examine.unchanged(function, _with(_read_only))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_memory_layout(examine: Examiner, function: str) -> None:
    """Arrays may be views: every second column of another array, or its transpose."""
    examine.unchanged(function, _with(_strided))
    examine.unchanged(function, _with(np.asfortranarray))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_earlier_calls_do_not_matter(examine: Examiner, function: str) -> None:
    """The same arguments give the same result, after calls with other numbers and another batch."""

    def called(call: Function) -> Function:
        def after_others(*arguments: Any) -> Any:
            call(*(_each(_mirrored, argument) for argument in arguments))
            call(*(_twice(argument) for argument in arguments))
            return call(*arguments)

        return after_others

    examine.unchanged(function, called, on=lambda case: case.n > 1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_stay_as_they_are(examine: Examiner, function: str) -> None:
    """A result is not written over by the next call."""

    def called(call: Function) -> Function:
        def before_another(*arguments: Any) -> Any:
            result = call(*arguments)
            call(*(_each(_mirrored, argument) for argument in arguments))
            return result

        return before_another

    examine.unchanged(function, called)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_are_floats(examine: Examiner, function: str) -> None:
    """Results are real floating-point arrays in the dtype of the arguments; the loss may be a Python float."""
    for probe, got in examine.answers(function):
        for quantity, value in got.items():
            if isinstance(value, np.ndarray | np.generic) and value.dtype != examine.dtype:
                message = f"{quantity}.dtype={value.dtype}, but should be {examine.dtype} [{function}]"
                examine.fail(probe.case, message)


def _with(change: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Call a function with every array changed."""
    return lambda call: lambda *arguments: call(*(_each(change, argument) for argument in arguments))


def _each(change: Callable[[Any], Any], argument: Any) -> Any:
    if isinstance(argument, list):
        return [_each(change, part) for part in argument]
    return change(argument) if isinstance(argument, np.ndarray) else argument


def _arrays(argument: Any) -> list[Any]:
    """All arrays in an argument, or in several."""
    if isinstance(argument, list | tuple):
        return [array for part in argument for array in _arrays(part)]
    return [argument] if isinstance(argument, np.ndarray) else []


def _read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def _strided(array: Any) -> Any:
    """Every second column of an array twice as wide."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def _mirrored(array: Any) -> Any:
    """Other numbers of the same shape: samples in the opposite order, or neurons."""
    return array[::-1].copy()


def _twice(argument: Any) -> Any:
    """A batch with every sample twice; weights and biases, which come in lists, as they are."""
    return np.concatenate([argument, argument]) if isinstance(argument, np.ndarray) else argument
