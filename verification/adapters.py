"""Helpers for adapters: one's own program behind the contract, in ten lines.

An adapter is a file with some of the contract's functions, which call the program, and a `CONVENTION` that says which
networks the program is made for. These helpers turn what programs commonly have into what the contract asks for; they
can be stacked:

    @adapters.transposed
    def backward(weights, biases, x, y, activations, loss):
        ...  # here every weight is (k_{i-1}, k_i), and so are the gradients
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from backproof.reference_impl.contract import Array, Layers, find_loss
from backproof.verification.approximate import Approximate, added_error
from backproof.verification.convention import Convention

__all__ = [
    "Convention",
    "bias_in_a_column",
    "gradients_from_step",
    "per_sample",
    "row_by_row",
    "samples_in_columns",
    "single_layer",
    "transposed",
    "without_biases",
]

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)


def transposed(function: Function) -> Function:
    """forward, backward or gradient_descent_step of a program with weights (k_{i-1}, k_i), as in x @ W.

    Weights are given, and their gradients or new values expected, in that shape.
    """

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, *rest: Any) -> Any:
        if isinstance(rest[0], list | tuple):  # the gradients that a step is given
            rest = (_all_transposed(rest[0]), *rest[1:])
        result = function(_all_transposed(weights), biases, *rest)
        return result if _is_forward(rest) else (_all_transposed(result[0]), result[1])

    return adapted


def samples_in_columns(function: Function) -> Function:
    """forward or backward of a program with a column for each sample: x (k_0, n), y (k_L, n), outputs (k_i, n).

    Biases are columns too, (k_i, 1), and so are their gradients.
    """

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, *rest: Any) -> Any:
        rest = tuple(np.ascontiguousarray(part.T) if isinstance(part, np.ndarray) else part for part in rest)
        result = function(weights, [b[:, None] for b in biases], *rest)
        if _is_forward(rest):
            return _all_transposed(result)
        return result[0], [_each(np.ravel, db) for db in result[1]]

    return adapted


def per_sample(function: Function) -> Function:
    """forward or backward of a program that takes one sample at a time: vectors x (k_0,) and y (k_L,).

    forward gives the vectors x and each layer's output. backward gives the gradients of that one sample's loss, a mean
    over one sample; over the batch they are added up, and divided by n where the loss's name says mean. What is worked
    out in Python's numbers is rounded to the precision of the weights in the end.
    """

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, x: Array, *rest: Any) -> Any:
        dtype = weights[0].dtype  # x may be of integers
        if _is_forward((x, *rest)):
            outputs = [function(weights, biases, sample, *rest) for sample in x]
            return [np.stack([np.asarray(a, dtype) for a in layer]) for layer in zip(*outputs, strict=True)]
        y, activations, loss = rest
        gradients = [function(weights, biases, *sample, activations, loss) for sample in zip(x, y, strict=True)]
        n = 1 if find_loss(loss).reduction == "sum" else len(x)
        return tuple(
            [
                _each(lambda *parts: (functools.reduce(np.add, parts) / n).astype(dtype), *parts)
                for parts in zip(*part, strict=True)
            ]
            for part in zip(*gradients, strict=True)
        )

    return adapted


def single_layer(function: Function) -> Function:
    """forward or backward of a program of one layer: W (k, k_0), b (k,) and one activation in place of lists.

    forward gives the layer's output alone, backward dW and db. Goes with a `CONVENTION` of layers=1.
    """

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, x: Array, *rest: Any) -> Any:
        if len(weights) > 1:
            raise NotImplementedError("one layer only")
        if _is_forward((x, *rest)):
            return [x, function(weights[0], biases[0], x, rest[0][0])]
        y, activations, loss = rest
        dW, db = function(weights[0], biases[0], x, y, activations[0], loss)
        return [dW], [db]

    return adapted


def without_biases(function: Function) -> Function:
    """forward or backward of a program that has no biases, and is given none; backward gives the list of dW alone.

    Goes with a `CONVENTION` of biases=False; their gradients are told as 0.
    """

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, *rest: Any) -> Any:
        result = function(weights, *rest)
        return result if _is_forward(rest) else (result, [np.zeros_like(b) for b in biases])

    return adapted


def bias_in_a_column(function: Function) -> Function:
    """forward, backward or gradient_descent_step of a program with a column of each weight, the first, for the bias.

    In place of weights and biases it is given weights (k_i, 1 + k_{i-1}), and gives their gradients or new values.
    """

    def joined(weights: Layers, biases: Layers) -> list[Array]:
        return [np.column_stack([b, W]) for W, b in zip(weights, biases, strict=True)]

    @functools.wraps(function)
    def adapted(weights: Layers, biases: Layers, *rest: Any) -> Any:
        given = (joined(*rest[:2]), *rest[2:]) if isinstance(rest[0], list | tuple) else rest  # which a step is given
        result = function(joined(weights, biases), *given)
        if _is_forward(rest):
            return result
        return [_each(lambda W: W[:, 1:], W) for W in result], [_each(lambda W: W[:, 0], W) for W in result]

    return adapted


def row_by_row(backward: Function) -> Function:
    """backward of a program that updates itself after every sample: it is asked about arrays of one row, one by one.

    Over the batch the gradients are added up, and divided by n where the loss's name says mean. Around
    `gradients_from_step` it takes apart an epoch of such updates, which is a step where there is one sample.
    """

    def of_a_row(weights: Layers, biases: Layers, x: Array, y: Array, *rest: Any) -> Any:
        return backward(weights, biases, x[None], y[None], *rest)

    return per_sample(functools.wraps(backward)(of_a_row))


def gradients_from_step(
    step: Function, *, learning_rate: float | None = None, weight_decay: float = 0.0, share: float = 1.0
) -> Function:
    """backward of a program that shows no gradients, from what one of its training steps does to the parameters.

    step(weights, biases, x, y, activations, loss, learning_rate) returns the weights and biases after one step w <- w -
    learning_rate * gradient on the whole batch; what it is given it may change.

    Where the program takes any learning rate nothing is lost: at a large power of two, alpha, w - alpha g rounds to
    -alpha g, and dividing by alpha is exact. Five rates make sure that every entry, large or small, meets one at which
    w drops out and nothing overflows.

    A program whose learning rate is what it is has to be given it here. Then w - alpha g keeps few of the gradient's
    digits: it is off by u |w - alpha g| / alpha, with a few u |g| for the product and the way back. That much more is
    allowed, entry by entry, and so the check is as coarse as the program makes it.

    weight_decay: the lambda of a step that subtracts alpha (gradient + lambda w), of weights alone. share: the part of
    the gradient that the first step takes: 1 of momentum that starts from rest, 1 - beta of a running mean.
    """

    def stepped(parameters: list[Any], rate: float) -> Any:
        weights, biases, *rest = parameters
        return step([W.copy() for W in weights], [b.copy() for b in biases], *rest, rate)

    def gradients(parameters: list[Any]) -> tuple[list[Any], list[Any]]:
        weights, biases, *_ = parameters
        if learning_rate is not None:
            dW, db = (
                [_recovered(w, w_after, learning_rate) for w, w_after in zip(old, new, strict=True)]
                for old, new in zip((weights, biases), stepped(parameters, learning_rate), strict=True)
            )
            return dW, db
        with np.errstate(all="ignore"):
            found = [[np.full_like(w, np.nan) for w in part] for part in (weights, biases)]
            for rate in _rates(weights[0].dtype):
                after = stepped(parameters, rate)
                for old, new, best in zip((weights, biases), after, found, strict=True):
                    for w, w_after, g in zip(old, new, best, strict=True):
                        recovered = (w - w_after) / rate
                        np.copyto(g, recovered, where=np.isfinite(recovered))
        return found[0], found[1]

    def backward(weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str) -> Any:
        dW, db = gradients([weights, biases, x, y, activations, loss])
        if (weight_decay, share) == (0, 1):
            return dW, db
        return (
            [_without_decay(g, W, weight_decay, share) for g, W in zip(dW, weights, strict=True)],
            [_without_decay(g, b, 0.0, share) for g, b in zip(db, biases, strict=True)],
        )

    backward.is_approximate = (learning_rate, weight_decay, share) != (None, 0, 1)  # type: ignore[attr-defined]
    return backward


def _is_forward(rest: Sequence[Any]) -> bool:
    """Whether a call is one of forward, which gets x and the activations beside weights and biases."""
    return len(rest) == 2


def _all_transposed(arrays: Layers) -> list[Array]:
    return [_each(lambda array: np.ascontiguousarray(array.T), array) for array in arrays]


def _each(change: Callable[..., Array], *parts: Any) -> Array:
    """An array made of others, with its error made of theirs where they have any."""
    values = change(*map(np.asarray, parts))
    if not any(isinstance(part, Approximate) for part in parts):
        return values
    return Approximate.of(values, change(*(added_error(part) + np.zeros(np.shape(part)) for part in parts)))


def _rates(dtype: np.dtype[Any]) -> list[float]:
    """Powers of two from small to large, a fifth of the exponents apart."""
    largest = np.finfo(dtype).maxexp
    return [2.0 ** (largest * fifth // 5) for fifth in (1, 2, 3, 4)] + [2.0 ** (largest - 8)]


def _recovered(w: Array, after: Array, rate: float) -> Approximate:
    """The gradient of a step, and how far it may be off: by the rounding of w - alpha g, and five more of its own."""
    info = np.finfo(w.dtype)
    u, tiny = float(info.eps) / 2, float(info.smallest_normal)
    difference = w - after
    error = (u * (np.abs(after) + 6 * np.abs(difference)).astype(np.float64) + 2 * tiny) / rate
    return Approximate.of(difference / w.dtype.type(rate), error)


def _without_decay(g: Array, w: Array, weight_decay: float, share: float) -> Approximate:
    """The gradient of a part of gradient + lambda w, and how far it may be off: the sum was rounded, as this is."""
    info = np.finfo(w.dtype)
    u, decayed = float(info.eps) / 2, w.dtype.type(weight_decay) * w
    values = np.asarray(g) / w.dtype.type(share) - decayed
    rounded = 4 * u * (np.abs(values) + 3 * np.abs(decayed)).astype(np.float64)
    return Approximate.of(values, added_error(g) / share + rounded + 2 * float(info.smallest_normal))
