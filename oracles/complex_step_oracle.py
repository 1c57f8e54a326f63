"""An answer without autodiff: derivatives by the complex step, in extended precision.

For a function that is real on real numbers, Im f(x + ih) / h is f'(x) up to h^2, without any cancellation, so that h
can be as small as 1e-200 (Squire and Trapp, "Using complex variables to estimate derivatives of real functions", SIAM
Review 40, 1998). Branches look at the real part.

One evaluation of the rest of a network, with ih added to one neuron's pre-activation in every sample at once, gives
that neuron's delta for all samples: each sample's loss depends on its own numbers alone. Gradients of weights and
biases follow from z = a W^T + b.

A long double rounds 2048 times finer than float64. That more than makes up for what differentiating forward rounds
differently from backpropagation, namely sums over a layer's inputs instead of its outputs: the float64 bounds hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from backproof.oracles.bounds import NUMPY
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.stack import OneByOne
from backproof.reference_impl.contract import Array

STEP = np.longdouble(1e-200)
WIDEST = 256


class ComplexStepOracle(OneByOne):
    """Every quantity of a case by the complex step, rounded to float64.

    Raises RuntimeError on a machine whose long double is no wider than float64.
    """

    name = "complex-step"
    arithmetic = NUMPY["float64"]

    def __init__(self) -> None:
        if np.finfo(np.longdouble).eps > 2.0**-63:
            raise RuntimeError("the complex-step oracle needs a long double wider than float64; this machine has none")

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order; arrays are float64.

        Raises ValueError for a network with layers of more than 256 neurons, to which the float64 bounds may not
        extend.
        """
        if wide := [case for case in cases if max(case.widths) > WIDEST]:
            raise ValueError(f"the complex-step oracle takes layers of up to {WIDEST} neurons; {wide[0]!r} has more")
        with np.errstate(under="ignore", divide="ignore", invalid="ignore"):
            return [_answer(case) for case in cases]


def _answer(case: Case) -> Answer:
    weights, biases = [_extended(W) for W in case.weights], [_extended(b) for b in case.biases]
    z, outputs = [], [_extended(case.x)]
    for W, b, g in zip(weights, biases, case.activations, strict=True):
        z.append(outputs[-1] @ W.T + b)
        outputs.append(ACTIVATION[g](z[-1]))
    found = {Quantity("output", i): output for i, output in enumerate(outputs)}
    found[Quantity("loss")] = case.loss_scale * _sample_losses(case, z[-1]).sum()
    for i in range(case.depth):
        delta = case.loss_scale * _slopes(case, weights, biases, z[i], i)
        found[Quantity("dW", i + 1)] = delta.T @ outputs[i]
        found[Quantity("db", i + 1)] = delta.sum(axis=0)
    found |= _functions(outputs[0]) | _steps(case)
    return {quantity: found[quantity].astype(np.float64) for quantity in case.quantities}


def _extended(array: Array) -> Array:
    return array.astype(np.longdouble)


def _slopes(case: Case, weights: list[Array], biases: list[Array], z: Array, i: int) -> Array:
    """dL_s/dz for the pre-activations z (n, k) of layer i + 1, with L_s the loss's terms of sample s."""
    stepped = z + 1j * STEP * np.eye(z.shape[1], dtype=np.longdouble)[:, None, :]  # (k, n, k): a step in each neuron
    for W, b, g in zip(weights[i + 1 :], biases[i + 1 :], case.activations[i:], strict=False):
        stepped = ACTIVATION[g](stepped) @ W.T + b
    return _sample_losses(case, stepped).imag.T / STEP


def _sigmoid(z: Array) -> Array:
    """e^z / (1 + e^z), with -z for z where that is positive."""
    positive = z.real > 0
    e = np.exp(np.where(positive, -z, z))
    return np.where(positive, 1, e) / (1 + e)


def _relu(z: Array) -> Array:
    return np.where(z.real > 0, z, 0)


def _softmax(z: Array) -> Array:
    return np.exp(_log_softmax(z))


def _log_softmax(z: Array) -> Array:
    shifted = z - z.real.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _softplus(z: Array) -> Array:
    """log(1 + e^z)."""
    positive = z.real > 0
    return np.where(positive, z, 0) + np.log1p(np.exp(np.where(positive, -z, z)))


ACTIVATION: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "tanh": np.tanh,
    "softmax": _softmax,
}


def _sample_losses(case: Case, z: Array) -> Array:
    """The sum of each sample's terms, from the last pre-activations (..., n, k)."""
    kind, y = case.loss_parts.kind, _extended(case.y)
    if kind == "squared_error":
        terms = (ACTIVATION[case.activations[-1]](z) - y) ** 2
    elif kind == "cross_entropy":
        terms = -y * _log_softmax(z)
    elif case.activations[-1] == "sigmoid":
        terms = y * _softplus(-z) + (1 - y) * _softplus(z)
    else:
        p = _softmax(z)
        terms = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    return terms.sum(axis=-1)


def _functions(x: Array) -> dict[Quantity, Array]:
    """The activations and their derivatives at x."""
    found = {Quantity("softmax"): _softmax(x)}
    for name in ("sigmoid", "relu", "tanh"):
        found[Quantity(name)] = ACTIVATION[name](x)
        found[Quantity(f"{name}_prime")] = ACTIVATION[name](x + 1j * STEP).imag / STEP
    return found


def _steps(case: Case) -> dict[Quantity, Array]:
    """w - alpha g."""
    alpha = np.longdouble(case.learning_rate)
    return {quantity: _extended(w) - alpha * _extended(g) for quantity, w, g in case.steps()}
