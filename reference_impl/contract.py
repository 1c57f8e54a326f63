"""The contract: what an implementation of the notes is, and the names it is asked for.

Shapes, in the notes' symbols: n samples; layer i has k_i neurons and receives k_{i-1} numbers. Layers are counted from
1, as in the notes, so that `weights[i - 1]` and `biases[i - 1]` belong to layer i. Arrays are float32 or float64, all
of one dtype, and results keep that dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]

# An array for every layer, from the first to the last; and those of weights and biases, or their gradients.
Layers = Sequence[Array]
Parameters = tuple[Layers, Layers]

ACTIVATIONS = ("identity", "sigmoid", "relu", "tanh", "softmax")
HIDDEN_ACTIVATIONS = ACTIVATIONS[:-1]

LossKind = Literal["squared_error", "cross_entropy", "binary_cross_entropy"]
Reduction = Literal["sum", "mean", "entry_mean"]


@dataclass(frozen=True)
class Loss:
    """A loss by its three choices: L = factor * reduction over samples (and outputs) of the kind's terms.

    The terms, for a prediction p and a label y:

    - squared_error: (p - y)^2
    - cross_entropy: -y log p, with 0 log 0 = 0; p and y are distributions over the outputs
    - binary_cross_entropy: -(y log p + (1 - y) log(1 - p)), p and y in [0, 1]
    """

    kind: LossKind
    factor: float
    reduction: Reduction

    def scale(self, n: int, k: int) -> float:
        """What multiplies the sum of all terms: factor times 1 (sum), 1/n (mean) or 1/(n k) (entry_mean)."""
        return self.factor / {"sum": 1, "mean": n, "entry_mean": n * k}[self.reduction]


LOSSES: dict[str, Loss] = {
    "squared_error_sum": Loss("squared_error", 1.0, "sum"),
    "squared_error_mean": Loss("squared_error", 1.0, "mean"),
    "squared_error_entry_mean": Loss("squared_error", 1.0, "entry_mean"),
    "half_squared_error_sum": Loss("squared_error", 0.5, "sum"),
    "half_squared_error_mean": Loss("squared_error", 0.5, "mean"),
    "half_squared_error_entry_mean": Loss("squared_error", 0.5, "entry_mean"),
    "cross_entropy_sum": Loss("cross_entropy", 1.0, "sum"),
    "cross_entropy_mean": Loss("cross_entropy", 1.0, "mean"),
    "binary_cross_entropy_sum": Loss("binary_cross_entropy", 1.0, "sum"),
    "binary_cross_entropy_mean": Loss("binary_cross_entropy", 1.0, "mean"),
    "binary_cross_entropy_entry_mean": Loss("binary_cross_entropy", 1.0, "entry_mean"),
}

# The loss under which the notes' N15 holds: (1/n)(y' - y), with n the number of samples.
DEFAULT_LOSS = "half_squared_error_mean"

# Which last activation a loss makes sense after: a cross-entropy wants a distribution, or probabilities.
OUTPUT_ACTIVATIONS: dict[LossKind, tuple[str, ...]] = {
    "squared_error": ACTIVATIONS,
    "cross_entropy": ("softmax",),
    "binary_cross_entropy": ("sigmoid", "softmax"),
}


def find_loss(name: str) -> Loss:
    """The loss of that name.

    Raises ValueError for a name that is not in `LOSSES`.
    """
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}; the contract knows {', '.join(LOSSES)}")
    return LOSSES[name]


class Implementation(Protocol):
    """The functions that the suite calls: a module, or any object that has them.

    An implementation may have only some of them; what is missing is reported as missing. A function may raise
    NotImplementedError for a network it does not claim to handle (an activation, a loss): that network then counts as
    unchecked. No function changes its arguments, and every result is a real floating-point array of their dtype.
    """

    def sigmoid(self, z: Array) -> Array:
        """g(z) = 1 / (1 + e^-z), for an array of any shape (N2)."""

    def sigmoid_prime(self, z: Array) -> Array:
        """g'(z) = g(z) (1 - g(z)), where z is the pre-activation (N3)."""

    def relu(self, z: Array) -> Array:
        """max(0, z) (N5)."""

    def relu_prime(self, z: Array) -> Array:
        """1 where z > 0, else 0: at exactly 0 the contract takes 0, as PyTorch and JAX do (N6)."""

    def tanh(self, z: Array) -> Array:
        """The hyperbolic tangent."""

    def tanh_prime(self, z: Array) -> Array:
        """1 - tanh(z)^2, where z is the pre-activation."""

    def softmax(self, z: Array) -> Array:
        """e^z_j / sum_l e^z_l over the k columns of z (n, k); each row of the result sums to 1."""

    def loss(self, prediction: Array, y: Array, loss: str) -> float:
        """The scalar loss of a prediction (n, k) against labels y (n, k); `loss` is a key of `LOSSES`."""

    def forward(self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]) -> Layers:
        """The L + 1 arrays x (n, k_0), then each layer's output (n, k_i), for weights (k_i, k_{i-1}), biases (k_i,)."""

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> Parameters:
        """The gradients of the loss, (grad_weights, grad_biases), shaped as weights and biases."""

    def gradient_descent_step(
        self, weights: Layers, biases: Layers, grad_weights: Layers, grad_biases: Layers, learning_rate: float
    ) -> Parameters:
        """The new (weights, biases): w - learning_rate * grad_w, b - learning_rate * grad_b, as new arrays (N10)."""


FUNCTIONS = (
    "sigmoid",
    "sigmoid_prime",
    "relu",
    "relu_prime",
    "tanh",
    "tanh_prime",
    "softmax",
    "loss",
    "forward",
    "backward",
    "gradient_descent_step",
)
