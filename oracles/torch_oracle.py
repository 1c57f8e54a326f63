"""PyTorch's answer: its own functions in float64, differentiated by autograd, a stack of networks at a time.

The loss that is differentiated is the sum of all networks' losses. No network has part in another's, so that each gets
its own gradient.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from backproof.oracles.bounds import TORCH
from backproof.oracles.stack import LOSS_KINDS, ByStack, Flat, Stack
from backproof.reference_impl.contract import ACTIVATIONS, Array

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
}


class TorchOracle(ByStack):
    """Every quantity of a case by PyTorch, in float64 whatever the case's dtype."""

    name = "torch"
    arithmetic = TORCH["float64"]

    def flat(self, stack: Stack) -> Flat:
        """The answers for a stack."""
        with torch.enable_grad():  # which whoever calls may have turned off
            return _passes(stack) | _functions(stack) | _steps(stack)


def _passes(stack: Stack) -> Flat:
    """Outputs, loss, dW and db; for every layer there are arrays of the networks that have it."""
    K, found = stack.shape.width, {kind: stack.empty_line(kind) for kind in ("output", "dW", "db")}
    layouts = {kind: {t: stack.layout_of(kind, t) for t in stack.layers} for kind in found}
    weights = {
        t: torch.from_numpy(layout.padded(stack.lines.weights, (stack.active[t], K, K))).requires_grad_()
        for t, layout in layouts["dW"].items()
    }
    biases = {
        t: torch.from_numpy(layout.padded(stack.lines.biases, (stack.active[t], K))).requires_grad_()
        for t, layout in layouts["db"].items()
    }
    z, outputs = _forward(stack, weights, biases)
    loss = _losses(stack, z, outputs[stack.layers.stop - 1])
    gradients = torch.autograd.grad(loss.sum(), [*weights.values(), *biases.values()])
    dW, db = gradients[: len(weights)], gradients[len(weights) :]
    stack.input_layout.take(stack.x, found["output"])
    for kind, tensors in (("output", outputs.values()), ("dW", dW), ("db", db)):
        for layout, tensor in zip(layouts[kind].values(), tensors, strict=True):
            layout.take(tensor.detach().numpy(), found[kind])
    return found | {"loss": loss.detach().numpy()}


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


def _forward(stack: Stack, weights: dict[int, Tensor], biases: dict[int, Tensor]) -> tuple[Tensor, dict[int, Tensor]]:
    """The last layer's pre-activations, and every layer's outputs for the networks that have the layer."""
    outputs: dict[int, Tensor] = {}
    x, before = _tensor(stack.x), 0
    for t in stack.layers:
        begin = x[before : stack.active[t]]
        received = torch.cat([outputs[t - 1], begin]) if before else begin
        z = torch.baddbmm(biases[t][:, None, :], received, weights[t].transpose(1, 2))
        outputs[t] = _activate(stack, t, z)
        before = stack.active[t]
    return z, outputs


def _activate(stack: Stack, t: int, z: Tensor) -> Tensor:
    """A layer's outputs: each activation over the networks that have it."""
    numbers = stack.activations[: len(z), t]
    present = np.unique(numbers).tolist()
    places = [np.flatnonzero(numbers == number) for number in present]
    if len(present) == 1:
        return _activation(stack, ACTIVATIONS[present[0]], z, slice(None))
    parts = [
        _activation(stack, ACTIVATIONS[number], z[torch.from_numpy(chosen)], chosen)
        for number, chosen in zip(present, places, strict=True)
    ]
    return torch.cat(parts)[torch.from_numpy(np.argsort(np.concatenate(places)))]


def _activation(stack: Stack, name: str, z: Tensor, networks: Array | slice) -> Tensor:
    """g(z); a softmax, which only the last layer has, over the outputs that are there."""
    if name == "softmax":
        return torch.softmax(_logits(z, stack.there[networks, -1]), dim=2)
    return ACTIVATION[name](z)


def _logits(z: Tensor, there: Array) -> Tensor:
    """Pre-activations, -infinity for what is not there."""
    return z.masked_fill(torch.from_numpy(~there)[:, None, :], -torch.inf)


def _losses(stack: Stack, z: Tensor, p: Tensor) -> Tensor:
    """The loss of each network, (S,), from the last layer's pre-activations and predictions."""
    y, sigmoid = _tensor(stack.y), stack.activations[:, -1] == ACTIVATIONS.index("sigmoid")
    there = torch.from_numpy(stack.sampled[:, :, None] & stack.there[:, -1][:, None, :])
    sums, places = [], []
    for kind, from_logits in ((kind, flag) for kind in LOSS_KINDS for flag in (False, True)):
        chosen = np.flatnonzero((stack.loss == LOSS_KINDS.index(kind)) & (sigmoid == from_logits))
        if chosen.size:
            networks = torch.from_numpy(chosen)
            outputs = stack.there[chosen, -1]
            terms = _loss_terms(kind, from_logits, z[networks], p[networks], y[networks], outputs)
            sums.append(torch.where(there[networks], terms, 0.0).sum(dim=(1, 2)))
            places.append(chosen)
    order = torch.from_numpy(np.argsort(np.concatenate(places)))
    return torch.cat(sums)[order] * _tensor(stack.scale)


def _loss_terms(kind: str, sigmoid: bool, z: Tensor, p: Tensor, y: Tensor, outputs: Array) -> Tensor:
    """The loss's terms, from logits where that does not overflow.

    For binary cross-entropy neither of PyTorch's own functions will do: binary_cross_entropy takes logarithms below
    -100 as -100, and binary_cross_entropy_with_logits loses all digits of small losses of labels 0 to cancellation.
    """
    if kind == "squared_error":
        return functional.mse_loss(p, y, reduction="none")
    there = torch.from_numpy(outputs)[:, None, :]
    if kind == "cross_entropy":
        return -y * torch.where(there, torch.log_softmax(_logits(z, outputs), dim=2), 0.0)
    if sigmoid:
        return -(y * functional.logsigmoid(z) + (1 - y) * functional.logsigmoid(-z))
    p = torch.where(there, p, 0.5)
    return -(torch.xlogy(y, p) + torch.xlogy(1 - y, 1 - p))


def _functions(stack: Stack) -> Flat:
    """The activations and their derivatives at x."""
    names = ("sigmoid", "relu", "tanh")
    x = torch.from_numpy(stack.lines.x)
    inputs = [x.clone().requires_grad_() for _ in names]
    values = [ACTIVATION[name](z) for name, z in zip(names, inputs, strict=True)]
    slopes = torch.autograd.grad([a.sum() for a in values], inputs)
    found = stack.flat({"softmax": torch.softmax(_logits(torch.from_numpy(stack.x), stack.inputs), dim=2).numpy()})
    for name, a, slope in zip(names, values, slopes, strict=True):
        found |= {name: a.detach().numpy(), f"{name}_prime": slope.numpy()}
    return found


def _steps(stack: Stack) -> Flat:
    """w - alpha g."""
    given = stack.lines
    return {
        kind: torch.addcmul(
            torch.from_numpy(w),
            torch.from_numpy(np.repeat(stack.learning_rate, stack.sizes[kind])),
            torch.from_numpy(g),
            value=-1,
        ).numpy()
        for kind, w, g in (
            ("step_W", given.weights, given.step_weights),
            ("step_b", given.biases, given.step_biases),
        )
    }
