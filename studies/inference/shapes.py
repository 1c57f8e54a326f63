"""How programs may want their arrays, each as an adapter that brings them into the contract's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from backproof.verification.adapters import samples_in_columns, transposed

Function = Callable[..., Any]


def _gradients_transposed(backward: Function) -> Function:
    """Weights as in the contract, and their gradients transposed."""

    def adapted(*arguments: Any) -> Any:
        dW, db = backward(*arguments)
        return [np.ascontiguousarray(np.transpose(each)) for each in dW], db

    return adapted


# How programs may want their arrays, in the order in which that is tried; the first is the contract's.
SHAPED: dict[str, Callable[[Function], Function]] = {
    "weights (k_i, k_{i-1}), samples in rows": lambda function: function,
    "weights (k_{i-1}, k_i), samples in rows": transposed,
    "weights (k_i, k_{i-1}), samples and biases in columns": samples_in_columns,
    "weights (k_{i-1}, k_i), samples and biases in columns": lambda function: samples_in_columns(transposed(function)),
    "weights (k_i, k_{i-1}), samples in rows, gradients of weights transposed": _gradients_transposed,
}
OF_THE_CONTRACT = next(iter(SHAPED))
