"""How a drawn network is made to suit what a program is made for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, Array, find_loss
from backproof.verification.convention import Convention


def suited(case: Case, convention: Convention) -> Case:
    """The network itself where it is one of these, else one that is: with other activations, loss, or labels.

    The same network always gives the same one; its name stays, since the convention belongs to what is judged.
    """
    if not convention.biases and any(b.any() for b in case.biases):
        case = replace(case, biases=tuple(np.zeros_like(b) for b in case.biases))
    if convention.widths is not None and case.widths != convention.widths:
        case = _resized(case, convention.widths)
    depth = min(case.depth, convention.layers or case.depth)
    hidden = _hidden(case, convention, depth - 1)
    y = case.y if depth == case.depth else np.resize(case.y, (case.n, case.widths[depth]))
    loss, last = _loss_and_last(case, convention, y.shape[1])
    activations = (*hidden, last)
    if (depth, activations, loss) == (case.depth, case.activations, case.loss):
        return case
    return replace(
        case,
        weights=case.weights[:depth],
        biases=case.biases[:depth],
        y=_labels(y, find_loss(loss).kind),
        activations=activations,
        loss=loss,
    )


def _hidden(case: Case, convention: Convention, layers: int) -> tuple[str, ...]:
    """What is allowed stays; the rest is chosen by the layer's width."""
    chosen = [
        g if g in convention.hidden else convention.hidden[k % len(convention.hidden)]
        for g, k in zip(case.activations[:layers], case.widths[1:], strict=False)
    ]
    return tuple(chosen[:1] * layers if convention.one_hidden else chosen)


def _loss_and_last(case: Case, convention: Convention, k: int) -> tuple[str, str]:
    """What is allowed stays; the rest is chosen by the network's size.

    After a softmax of one output, which is always 1, the binary cross-entropy is infinite.
    """
    pairs = convention.pairs()
    finite = [(loss, g) for loss, g in pairs if k > 1 or g != "softmax" or not loss.startswith("binary")] or pairs
    for fitting in (
        [pair for pair in finite if pair == (case.loss, case.activations[-1])],
        [pair for pair in finite if pair[0] == case.loss],
        [pair for pair in finite if pair[1] == case.activations[-1]],
        finite,
    ):
        if fitting:
            return fitting[(case.n + sum(case.widths)) % len(fitting)]
    raise AssertionError


def _resized(case: Case, widths: tuple[int, ...]) -> Case:
    """The network with other widths and layers: its numbers, as many as there is room for, or again from the first."""
    layers, hidden = range(len(widths) - 1), case.activations[:-1] or HIDDEN_ACTIVATIONS
    y = np.resize(case.y, (case.n, widths[-1]))
    return replace(
        case,
        weights=tuple(np.resize(case.weights[i % case.depth], (widths[i + 1], widths[i])) for i in layers),
        biases=tuple(np.resize(case.biases[i % case.depth], widths[i + 1]) for i in layers),
        x=np.resize(case.x, (case.n, widths[0])),
        y=_labels(y, find_loss(case.loss).kind),
        activations=(*(hidden[i % len(hidden)] for i in layers[:-1]), case.activations[-1]),
    )


def _labels(y: Array, kind: str) -> Array:
    """Labels that the kind of loss makes sense for: as they are where they do, else classes by the largest."""
    if kind == "squared_error" or (kind == "binary_cross_entropy" and ((y >= 0) & (y <= 1)).all()):
        return y
    if kind == "binary_cross_entropy":
        return (y > 0).astype(y.dtype)
    if (y >= 0).all() and (np.abs(y.sum(axis=1) - 1) < 1e-6).all():
        return y
    return np.eye(y.shape[1], dtype=y.dtype)[y.argmax(axis=1)]
