"""PyTorch as people call it: what its functions turn out to compute, and training with its own optimiser."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from backproof.oracles.case import Case
from backproof.oracles.torch_oracle import ACTIVATION
from backproof.reference_impl.contract import Array

Parameters = tuple[list[Array], list[Array]]

# The ways to write a ReLU, as functions of z.
RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "torch.relu(z)": torch.relu,
    "z * (z > 0)": lambda z: z * (z > 0),
    "torch.where(z > 0, z, 0)": lambda z: torch.where(z > 0, z, 0),
    "torch.maximum(z, zeros)": lambda z: torch.maximum(z, torch.zeros_like(z)),
    "(z + z.abs()) / 2": lambda z: (z + z.abs()) / 2,
    "z.clamp(min=0)": lambda z: z.clamp(min=0),
    "torch.where(z >= 0, z, 0)": lambda z: torch.where(z >= 0, z, 0),
}

# The ways to write a squared error, as functions of a prediction and labels.
SQUARED_ERRORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nn.MSELoss()(p, y)": torch.nn.MSELoss(),
    "functional.mse_loss(p, y)": functional.mse_loss,
    'functional.mse_loss(p, y, reduction="sum")': lambda p, y: functional.mse_loss(p, y, reduction="sum"),
    "((p - y) ** 2).sum(1).mean()": lambda p, y: ((p - y) ** 2).sum(1).mean(),
    "0.5 * ((p - y) ** 2).sum(1).mean()": lambda p, y: 0.5 * ((p - y) ** 2).sum(1).mean(),
    "0.5 * functional.mse_loss(p, y)": lambda p, y: 0.5 * functional.mse_loss(p, y),
    "functional.huber_loss(p, y, delta=1e9)": lambda p, y: functional.huber_loss(p, y, delta=1e9),
}


def relu_slopes(z: Array) -> dict[str, Array]:
    """The slopes at z that autograd gives for every way to write a ReLU."""
    found = {}
    for call, relu in RELUS.items():
        x = torch.from_numpy(z).requires_grad_()
        found[call] = torch.autograd.grad(relu(x).sum(), x)[0].numpy()
    return found


def squared_error_gradients(prediction: Array, y: Array) -> dict[str, Array]:
    """The derivatives by the prediction that autograd gives for every way to write a squared error."""
    found = {}
    for call, loss in SQUARED_ERRORS.items():
        p = torch.from_numpy(prediction).requires_grad_()
        found[call] = torch.autograd.grad(loss(p, torch.from_numpy(y)), p)[0].numpy()
    return found


def descent(case: Case, steps: int) -> list[Parameters]:
    """Train a network under a squared error by full-batch steps of torch.optim.SGD, in float64.

    Returns the weights and biases before the first step and after each.
    """
    weights = [_tensor(W).requires_grad_() for W in case.weights]
    biases = [_tensor(b).requires_grad_() for b in case.biases]
    x, y = _tensor(case.x), _tensor(case.y)
    optimiser = torch.optim.SGD([*weights, *biases], lr=case.learning_rate)
    found = [(_copies(weights), _copies(biases))]
    for _ in range(steps):
        a = x
        for W, b, g in zip(weights, biases, case.activations, strict=True):
            a = ACTIVATION[g](functional.linear(a, W, b))
        loss = case.loss_scale * functional.mse_loss(a, y, reduction="sum")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        found.append((_copies(weights), _copies(biases)))
    return found


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(array.astype(np.float64))


def _copies(parameters: list[Tensor]) -> list[Array]:
    return [parameter.detach().numpy().copy() for parameter in parameters]
