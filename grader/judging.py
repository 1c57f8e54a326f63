"""Judging what a submission gave against an answer key: all networks of a function at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from backproof.grader.calls import Described
from backproof.grader.key import Key, Layout
from backproof.grader.networks import Network
from backproof.oracles.case import Answer, Quantity
from backproof.oracles.comparison import Problem, Record, compare, compare_segments, no_array
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import distribute

# What was given for each quantity of a network: an array, or anything else. Empty: it was not asked.
Given = dict[Quantity, Any]

NOT_ASKED = object()


def judge(key: Key, function: str, dtype: str, results: Sequence[Any]) -> tuple[list[Given], list[list[Record]]]:
    """For each network what was given, by quantity, and the records of those quantities that are not right.

    results: what the function gave for each network of the key, an answer or a `Problem`, or NOT_ASKED.
    """
    layouts, answers, allowed = key.layouts[function], key.answers[function], key.allowances[dtype][function]
    given = [
        by_quantity(function, layout, network, dtype, result)
        for layout, network, result in zip(layouts, key.networks, results, strict=True)
    ]
    flat = np.concatenate(
        [part for layout, parts in zip(layouts, given, strict=True) for part in _flat(layout, parts, dtype)]
    )
    sizes = np.array([end - start for start, end in key.spans[function]])
    wrong = compare_segments(flat, answers, allowed, sizes).failures > 0
    return given, [
        not_right(parts, key.answer(function, number), key.allowance(function, number, dtype), dtype)
        if parts and wrong[number]
        else []
        for number, parts in enumerate(given)
    ]


def not_right(given: Given, right: Answer, allowed: Answer, dtype: str) -> list[Record]:
    """The records of a network's quantities that disagree, or that there is nothing to compare of."""
    records = compare(given, right, allowed, dtype)
    return [r for r in records if r.verdict == "disagrees" or isinstance(given[r.quantity], Problem)]


def by_quantity(function: str, layout: Layout, network: Network, dtype: str, result: Any) -> Given:
    """A result's parts by quantity; what cannot be compared has become a problem."""
    if result is NOT_ASKED:
        return {}
    parts = distribute(function, result, [quantity for quantity, _, _ in layout])
    for quantity, shape, _ in layout:
        value = parts[quantity]
        if isinstance(value, Described):
            parts[quantity] = _described(value, shape, dtype)
        elif not isinstance(value, np.ndarray | np.generic | float | Problem):
            parts[quantity] = no_array(value)
        elif (
            network.edge == "integers"
            and isinstance(value, np.ndarray)
            and value.shape == shape
            and value.dtype.kind in "fiub"
        ):
            # Which dtype comes of integers the contract leaves open; that the values are right it does not.
            parts[quantity] = value.astype(dtype)
    return parts


def _flat(layout: Layout, given: Given, dtype: str) -> Iterator[Array]:
    """All entries of what was given for a network, in the key's order; NaN for what has no entries to compare."""
    for quantity, shape, size in layout:
        value = given.get(quantity)
        if isinstance(value, np.ndarray) and value.shape == shape and value.dtype == dtype:
            yield value.ravel()
        elif shape == () and type(value) is float:
            yield np.array([value])
        else:
            yield np.full(size, np.nan)


def _described(value: Described, shape: tuple[int, ...], dtype: str) -> Problem:
    """What is wrong with an array that was too large, or of a dtype that does not cross the boundary."""
    if value.shape != shape:
        return Problem(f"shape {value.shape}, should be {shape}")
    return Problem(f"dtype {value.dtype}, should be {dtype}")
