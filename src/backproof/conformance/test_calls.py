"""What holds for every function, however it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from backproof.conformance.examiner import Examiner, Function
from backproof.oracles.case import KINDS, Case
from backproof.oracles.comparison import Problem
from backproof.reference_impl.contract import FUNCTIONS
from backproof.verification.repeated import laid, read_only


@pytest.mark.parametrize("function", FUNCTIONS)
def test_arguments_stay_as_they_are(examine: Examiner, function: str) -> None:
    """No function changes an array that it is given."""
    for probe, got in examine.answers(function):
        for value in got.values():
            if isinstance(value, Problem) and value.cause.startswith(f"{function} changed its argument"):
                examine.fail(probe.case, value.cause)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_read_only_arrays(examine: Examiner, function: str) -> None:
    """Nor does it change one and put back what was there."""
    examine.unchanged(function, _with(read_only))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_any_memory_layout(examine: Examiner, function: str) -> None:
    """Arrays may be views: every second column of another array, or its transpose."""
    examine.unchanged(function, _with(_strided))
    examine.unchanged(function, _with(np.asfortranarray))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_earlier_calls_do_not_matter(examine: Examiner, function: str) -> None:
    """Calls with other numbers of the same shapes, and with another batch, are right and change nothing."""
    for probe, got in examine.answers(function, on=lambda case: case.n > 1):
        if any(record.verdict == "disagrees" for record in probe.records(got, KINDS[function])):
            continue  # which other tests tell
        examine.again(function, probe, _mirrored(probe.case), "after a call with these samples in the opposite order")
        examine.again(function, probe, _doubled(probe.case), "with every sample twice, after a call with each once")
        examine.again(function, probe, probe.case, "after calls with other numbers")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_results_stay_as_they_are(examine: Examiner, function: str) -> None:
    """A result is not written over by the next call."""

    def called(call: Function) -> Function:
        def before_another(*arguments: Any) -> Any:
            result = call(*arguments)
            call(*(laid(argument, _reversed) for argument in arguments))
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
    return lambda call: lambda *arguments: call(*(laid(argument, change) for argument in arguments))


def _strided(array: Any) -> Any:
    """Every second column of an array twice as wide."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def _reversed(array: Any) -> Any:
    return array[::-1].copy()


def _mirrored(case: Case) -> Case:
    """Other numbers of the same shapes: samples and neurons in the opposite order."""
    weights, biases = (tuple(map(_reversed, part)) for part in (case.weights, case.biases))
    return replace(case, weights=weights, biases=biases, x=_reversed(case.x), y=_reversed(case.y))


def _doubled(case: Case) -> Case:
    """The batch twice."""
    return replace(case, x=np.concatenate([case.x, case.x]), y=np.concatenate([case.y, case.y]))
