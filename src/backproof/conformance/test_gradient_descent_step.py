"""The step of gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.conformance.examiner import Examiner, Function
from backproof.oracles.comparison import Problem


def test_step(examine: Examiner) -> None:
    """w - learning_rate * grad_w and b - learning_rate * grad_b, for every layer (N10)."""
    examine("gradient_descent_step")


def test_step_of_integers(examine: Examiner) -> None:
    """On small integers and a learning rate that is a power of two, arithmetic makes no error at all."""
    examine("gradient_descent_step", profile="integers")


def test_step_gives_new_arrays(examine: Examiner) -> None:
    """What comes back shares no memory with what was given."""
    examine.unchanged("gradient_descent_step", _without_sharing)


def _without_sharing(step: Function) -> Function:
    def call(weights: Any, biases: Any, *rest: Any) -> Any:
        stepped = step(weights, biases, *rest)
        given = [array for part in (weights, biases, *rest[:2]) for array in part]
        arrays = [array for part in stepped for array in part if isinstance(array, np.ndarray)]
        if any(np.shares_memory(array, other) for array in arrays for other in given):
            return Problem("a new array shares memory with one that was given")
        return stepped

    return call
