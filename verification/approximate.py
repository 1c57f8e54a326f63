"""Answers that an adapter could not get at exactly, with how far they may be off on that account."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.reference_impl.contract import Array


class Approximate(np.ndarray):
    """An array that an adapter could not get at exactly: `error` says how far each entry may be off on its account.

    What is computed from one has no error of its own.
    """

    error: Array | float = 0.0

    @classmethod
    def of(cls, values: Array, error: Array) -> Approximate:
        """The values, with their error."""
        made = np.asarray(values).view(cls)
        made.error = error
        return made


def added_error(value: Any) -> Array | float:
    """How much more than rounding explains an adapter's value may be off."""
    return value.error if isinstance(value, Approximate) else 0.0
