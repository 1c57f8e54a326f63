"""What a function's failures have in common, told where no known mistake explains them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from backproof.grader.checks import Outcome
from backproof.grader.key import Key, asked_case
from backproof.oracles.comparison import Record
from backproof.reference_impl.contract import Array


def patterns(key: Key, function: str, outcome: Outcome) -> list[str]:
    """Sentences about where a function is right and where it is not, in double precision if it was asked in that."""
    with np.errstate(all="ignore"):
        return list(_patterns(key, function, outcome, next(iter(outcome.records))))


def _patterns(key: Key, function: str, outcome: Outcome, dtype: str) -> list[str]:
    records = {call.number: outcome.records[dtype][call.number] for call in outcome.results if call.dtype == dtype}
    wrong = {number: found for number, found in records.items() if found}
    if not wrong:
        return []
    entries = list(_entries(key, function, outcome, dtype, wrong))
    return [
        *_signs(key, function, entries),
        *_rows(function, entries),
        *_lengths(entries),
        *_kinds(function, wrong),
        *_layers(key, function, wrong),
        *_only_with(key, function, set(wrong), set(records) - set(wrong)),
        *_transposed(key, function, outcome, dtype, wrong),
    ]


# An array tells a factor where its largest entry is so many times what it may be off by.
TELLING = 1000


class Entries(NamedTuple):
    """An array that is not right: of which network, as it was given, as it should be, and how closely."""

    number: int
    given: Array
    right: Array
    allowed: Array

    @property
    def wrong(self) -> Array:
        """Which entries are not right."""
        return ~(np.abs(self.given - self.right) <= self.allowed)


def _entries(
    key: Key, function: str, outcome: Outcome, dtype: str, wrong: dict[int, list[Record]]
) -> Iterator[Entries]:
    """The arrays that are not right, of those that have the right shape."""
    for number, found in wrong.items():
        answer, allowed = key.answer(function, number), key.allowance(function, number, dtype)
        for record in found:
            given = outcome.given[dtype][number][record.quantity]
            if isinstance(given, np.ndarray) and given.shape == answer[record.quantity].shape:
                yield Entries(number, given, answer[record.quantity], allowed[record.quantity])


def _signs(key: Key, function: str, entries: list[Entries]) -> Iterator[str]:
    """A function of single numbers is wrong only on one side of 0."""
    if function in ("loss", "softmax", "forward", "backward", "gradient_descent_step") or not entries:
        return
    z = np.concatenate([key.networks[item.number].case.x.ravel() for item in entries])
    wrong = np.concatenate([item.wrong.ravel() for item in entries])
    for where, there in (("z < 0", z < 0), ("z > 0", z > 0), ("z = 0", z == 0)):
        if wrong[there].any() and not wrong[~there].any():
            yield f"It is wrong only where {where}."


def _rows(function: str, entries: list[Entries]) -> Iterator[str]:
    """A softmax whose rows do not sum to 1."""
    if function == "softmax" and entries and all(item.given.ndim == 2 for item in entries):
        off = [not np.allclose(item.given.sum(axis=1), 1, rtol=0, atol=1e-6) for item in entries]
        if all(off):
            yield "The rows of the result do not sum to 1."


def _lengths(entries: list[Entries]) -> Iterator[str]:
    """Arrays that are off by a factor each."""
    several = [
        item for item in entries if item.right.size > 1 and np.abs(item.right).max() > TELLING * item.allowed.max()
    ]
    if several and all(map(_parallel, several)):
        yield "Each array that is wrong points the right way, but is too long or too short: it is off by a factor."


def _parallel(item: Entries) -> bool:
    """Whether an array is a multiple of what is right, and not by a hair."""
    factor = float(np.vdot(item.given, item.right) / np.vdot(item.right, item.right))
    error = float(np.abs(item.given - factor * item.right).max())
    allowed = 1e-6 * float(np.abs(item.given).max()) + max(1.0, factor) * float(item.allowed.max())
    return factor > 0 and abs(factor - 1) > 1e-2 and error <= allowed


def _kinds(function: str, wrong: dict[int, list[Record]]) -> Iterator[str]:
    """Gradients of weights right, of biases not, or the other way round."""
    if function == "backward":
        kinds = {record.quantity.kind for found in wrong.values() for record in found}
        if kinds == {"db"}:
            yield "The gradients of all weights are right; only those of biases are not."
        if kinds == {"dW"}:
            yield "The gradients of all biases are right; only those of weights are not."


def _layers(key: Key, function: str, wrong: dict[int, list[Record]]) -> Iterator[str]:
    """The last layer is right, and earlier ones are not; or the first one alone is not."""
    if function not in ("backward", "forward"):
        return
    deep = {number: found for number, found in wrong.items() if key.networks[number].case.depth > 1}
    layers = {number: {record.quantity.layer or 0 for record in found} for number, found in deep.items()}
    depths = {number: key.networks[number].case.depth for number in deep}
    if function == "backward" and layers and all(depths[number] not in found for number, found in layers.items()):
        yield "The last layer is right, earlier ones are not: look at the way back from a layer to the one before it."
    if function == "forward" and layers and all(found == {depths[number]} for number, found in layers.items()):
        yield "All layers are right but the last one."


def _only_with(key: Key, function: str, wrong: set[int], right: set[int]) -> Iterator[str]:
    """What all networks on which it is wrong have, and no others."""
    traits: dict[str, set[int]] = {}
    for number in wrong | right:
        case = asked_case(function, key.networks[number])
        names = [f"with {g} in a hidden layer" for g in case.activations[:-1]]
        if function in ("forward", "backward"):
            names.append(f"with {case.activations[-1]} in the last layer")
        if function in ("loss", "backward"):
            names.append(f"under {case.loss}")
        if function in ("forward", "backward"):
            names.append("with one layer" if case.depth == 1 else "with several layers")
        for name in names:
            traits.setdefault(name, set()).add(number)
    for name, numbers in traits.items():
        if wrong <= numbers and not right & numbers and numbers != wrong | right:
            yield f"It is wrong on the networks {name}, and right on all others."


def _transposed(key: Key, function: str, outcome: Outcome, dtype: str, wrong: dict[int, list[Record]]) -> Iterator[str]:
    """Everything that is wrong is the transpose of what is right."""
    pairs: list[tuple[Array, Array]] = []
    for number, found in wrong.items():
        answer = key.answer(function, number)
        for record in found:
            got = outcome.given[dtype][number][record.quantity]
            if not isinstance(got, np.ndarray) or got.ndim != 2:
                return
            pairs.append((got, answer[record.quantity].T))
    if pairs and all(got.shape == right.shape and np.allclose(got, right) for got, right in pairs):
        yield "What is wrong is right when it is transposed."
