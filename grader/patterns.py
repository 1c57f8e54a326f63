"""What a function's failures have in common, told where no known mistake explains them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from grader.checks import Outcome
from grader.key import Key, asked_case
from oracles.comparison import Record
from reference_impl.contract import Array


def patterns(key: Key, function: str, outcome: Outcome) -> list[str]:
    """Sentences about where a function is right and where it is not, in double precision if it was asked in that."""
    dtype = next(iter(outcome.records))
    records = {call.number: outcome.records[dtype][call.number] for call in outcome.results if call.dtype == dtype}
    wrong = {number: found for number, found in records.items() if found}
    if not wrong:
        return []
    return [
        *_kinds(function, wrong),
        *_layers(key, function, wrong),
        *_only_with(key, function, set(wrong), set(records) - set(wrong)),
        *_transposed(key, function, outcome, dtype, wrong),
    ]


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
