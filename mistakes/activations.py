"""Mistakes in activations and their derivatives."""

from __future__ import annotations

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array


class ReluPrimeIsOneEverywhere(Textbook):
    """The derivative of ReLU is 1 everywhere: its mask is taken from the output, which is never negative."""

    hint = (
        "Print relu_prime for a negative, a zero and a positive z, and the output of relu for the same three. Which of "
        "those can still be told apart by `< 0` or `>= 0`?"
    )

    def relu_prime(self, z: Array) -> Array:
        return np.where(self.relu(z) < 0, z.dtype.type(0), z.dtype.type(1))


class ReluByMaxOfColumns(Textbook):
    """ReLU is written np.max(z, 0), which is the largest of every column: the 0 is taken for an axis."""

    hint = "Print relu of an array of two rows. np.max and np.maximum are two functions: what is the second argument?"

    def relu(self, z: Array) -> Array:
        return z.max(axis=0)


class ReluPrimeOfZeroIsOne(Textbook):
    """The derivative of ReLU at exactly 0 is 1, where the contract takes 0."""

    hint = (
        "Any number from 0 to 1 is a subgradient there; the contract takes the one that PyTorch and JAX take. "
        "What does `>=` do at 0?"
    )

    def relu_prime(self, z: Array) -> Array:
        return (z >= 0).astype(z.dtype)


class ReluPrimeOfZeroIsHalf(Textbook):
    """The derivative of ReLU at exactly 0 is 1/2, where the contract takes 0."""

    hint = "Any number from 0 to 1 is a subgradient there; the contract takes the one that PyTorch and JAX take."

    def relu_prime(self, z: Array) -> Array:
        return np.heaviside(z, z.dtype.type(0.5))


class SigmoidTwiceInItsDerivative(Textbook):
    """The sigmoid is applied twice in its derivative."""

    hint = "g(z)(1 - g(z)): is what enters that formula as g(z) the sigmoid of z, or the sigmoid of a sigmoid?"

    def sigmoid_prime(self, z: Array) -> Array:
        a = self.sigmoid(self.sigmoid(z))
        return a * (1 - a)


class SigmoidDerivativeOfPreActivation(Textbook):
    """The derivative of the sigmoid is taken as z(1 - z), as if z were already the sigmoid's output."""

    hint = "In a(1 - a), a is the sigmoid's output. What is handed to sigmoid_prime is z, before the sigmoid."

    def sigmoid_prime(self, z: Array) -> Array:
        return z * (1 - z)


class TanhDerivativeOfPreActivation(Textbook):
    """The derivative of tanh is taken as 1 - z², as if z were already the output of tanh."""

    hint = "In 1 - a², a is the output of tanh. What is handed to tanh_prime is z, before it."

    def tanh_prime(self, z: Array) -> Array:
        return 1 - z**2


class SigmoidDerivativeOverflows(Textbook):
    """The derivative of the sigmoid divides one overflowing exponential by another: infinity by infinity is NaN."""

    hint = "Try z = -1000. How large is e^-z there, and its square? Is there a way that starts from the sigmoid itself?"

    def sigmoid_prime(self, z: Array) -> Array:
        return np.exp(-z) / (1 + np.exp(-z)) ** 2


class SoftmaxWithoutMaximum(Textbook):
    """The softmax takes exponentials of its inputs as they are, and they overflow."""

    hint = "Try z = [1000, 1000]. Adding one number to a whole row changes no quotient: which number would help?"

    def softmax(self, z: Array) -> Array:
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


class SoftmaxOverTheBatch(Textbook):
    """The softmax is normalised over the whole batch, so that all of it sums to 1 and not every row."""

    hint = "Sum the result along each axis, and over everything. For which of them should the sums be 1?"

    def softmax(self, z: Array) -> Array:
        e = np.exp(z - z.max())
        return e / e.sum()


class SoftmaxOverTheSamples(Textbook):
    """The softmax is normalised along the wrong axis: the columns sum to 1, and not the rows."""

    hint = (
        "A row of z is one sample, its columns are the classes. Along which axis do a sample's probabilities sum to 1?"
    )

    def softmax(self, z: Array) -> Array:
        e = np.exp(z - z.max(axis=0))
        return e / e.sum(axis=0)


class SoftmaxWithOneMaximum(Textbook):
    """The softmax subtracts one maximum from the whole batch, and rows far below it become 0 divided by 0."""

    hint = "Try the rows [0, 1] and [-1000, -999]. What is left of the second one after the maximum is subtracted?"

    def softmax(self, z: Array) -> Array:
        e = np.exp(z - z.max())
        return e / e.sum(axis=1, keepdims=True)


class SoftmaxWithoutExponential(Textbook):
    """The softmax divides its inputs by their sum, without the exponential."""

    hint = "A probability cannot be negative. What does the result look like for z = [-1, 2]?"
    printed = "N8"

    def softmax(self, z: Array) -> Array:
        return z / z.sum(axis=1, keepdims=True)


class SoftmaxDerivativeIsDiagonal(Textbook):
    """The softmax's derivative is taken as s(1 - s), as if every output depended on its own input alone."""

    hint = (
        "Change one input of a softmax: how many of its outputs change? The derivative is a matrix for each sample, of "
        "which s(1 - s) is only the diagonal."
    )

    def softmax_backward(self, z: Array, p: Array, v: Array) -> Array:
        return v * p * (1 - p)


class SoftmaxDerivativeOfInput(Textbook):
    """The softmax's derivative is worked out from its input where its output belongs."""

    hint = "In s_i(δ_ij - s_j), is s what goes into the softmax, or what comes out?"

    def softmax_backward(self, z: Array, p: Array, v: Array) -> Array:
        return z * (v - (z * v).sum(axis=1, keepdims=True))
