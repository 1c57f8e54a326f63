"""PyTorch's answer: its own functions in float64, differentiated by autograd, one network at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from oracles.bounds import TORCH
from oracles.case import Answer, Case, Quantity
from reference_impl.contract import Array

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
    "softmax": lambda z: torch.softmax(z, dim=1),
}


class TorchOracle:
    """Every quantity of a case by PyTorch, in float64 whatever the case's dtype."""

    name = "torch"
    arithmetic = TORCH["float64"]

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64."""
        return [_answer(case) for case in cases]


def _answer(case: Case) -> Answer:
    weights = [_tensor(W).requires_grad_() for W in case.weights]
    biases = [_tensor(b).requires_grad_() for b in case.biases]
    x, y = _tensor(case.x), _tensor(case.y)
    outputs = [x]
    for W, b, g in zip(weights, biases, case.activations, strict=True):
        z = functional.linear(outputs[-1], W, b)
        outputs.append(ACTIVATION[g](z))
    loss = case.loss_scale * _loss_terms(case, z, outputs[-1], y).sum()
    gradients = torch.autograd.grad(loss, [*weights, *biases])
    found = {Quantity("output", i): output.detach() for i, output in enumerate(outputs)}
    found[Quantity("loss")] = loss.detach()
    for i in range(case.depth):
        found[Quantity("dW", i + 1)] = gradients[i]
        found[Quantity("db", i + 1)] = gradients[case.depth + i]
    found |= _functions(x) | _steps(case)
    return {quantity: found[quantity].numpy() for quantity in case.quantities}


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))


def _loss_terms(case: Case, z: Tensor, p: Tensor, y: Tensor) -> Tensor:
    """The loss's terms, from logits where that does not overflow.

    For binary cross-entropy neither of PyTorch's own functions will do: binary_cross_entropy takes logarithms below
    -100 as -100, and binary_cross_entropy_with_logits loses all digits of small losses of labels 0 to cancellation.
    """
    kind = case.loss_parts.kind
    if kind == "squared_error":
        return functional.mse_loss(p, y, reduction="none")
    if kind == "cross_entropy":
        return functional.cross_entropy(z, y, reduction="none")
    if case.activations[-1] == "sigmoid":
        return -(y * functional.logsigmoid(z) + (1 - y) * functional.logsigmoid(-z))
    return -(torch.xlogy(y, p) + torch.xlogy(1 - y, 1 - p))


def _functions(x: Tensor) -> dict[Quantity, Tensor]:
    """The activations and their derivatives at x."""
    names = ("sigmoid", "relu", "tanh")
    inputs = [x.clone().requires_grad_() for _ in names]
    values = [ACTIVATION[name](z) for name, z in zip(names, inputs, strict=True)]
    slopes = torch.autograd.grad([a.sum() for a in values], inputs)
    found = {Quantity("softmax"): ACTIVATION["softmax"](x)}
    for name, a, slope in zip(names, values, slopes, strict=True):
        found |= {Quantity(name): a.detach(), Quantity(f"{name}_prime"): slope}
    return found


def _steps(case: Case) -> dict[Quantity, Tensor]:
    """w - alpha g, as PyTorch's own gradient descent (torch.optim.SGD) computes it."""
    return {quantity: torch.sub(_tensor(w), _tensor(g), alpha=case.learning_rate) for quantity, w, g in case.steps()}
