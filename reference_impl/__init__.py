"""The multilayer perceptron of the lecture notes, in NumPy: forward, backpropagation, gradient descent.

The functions here are the default implementation that the suite verifies, and the plainest example of the contract
that any other implementation follows (`reference_impl.contract.Implementation`).
"""

from backproof.reference_impl.activations import (
    identity,
    identity_prime,
    relu,
    relu_prime,
    sigmoid,
    sigmoid_prime,
    softmax,
    softmax_jacobian,
    tanh,
    tanh_prime,
)
from backproof.reference_impl.descent import descent, gradient_descent_step, table
from backproof.reference_impl.losses import loss
from backproof.reference_impl.network import backward, forward

__all__ = [
    "backward",
    "descent",
    "forward",
    "gradient_descent_step",
    "identity",
    "identity_prime",
    "loss",
    "relu",
    "relu_prime",
    "sigmoid",
    "sigmoid_prime",
    "softmax",
    "softmax_jacobian",
    "table",
    "tanh",
    "tanh_prime",
]
