"""Mistakes in the loss, in the delta of the last layer, and in its scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, find_loss


class OutputDerivativeMissing(Textbook):
    """The derivative of the last layer's activation is left out."""

    hint = (
        "The chain rule from the loss to z of the last layer has two factors, dL/da and da/dz. Under a squared error "
        "the second one does not cancel."
    )

    def times_prime(self, v: Array, z: Array, g: str) -> Array:
        return v

    def softmax_backward(self, z: Array, p: Array, v: Array) -> Array:
        return v


class OutputDerivativeOnTopOfResidual(Textbook):
    """Under a cross-entropy, p - y is multiplied by the activation's derivative, which it contains already."""

    hint = "Work out dL/dz for one sample: -log of a softmax. Which derivative is p - y, that by the output or by z?"

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        d = super().output_delta(v, z, p, g, loss)
        return d if find_loss(loss).kind == "squared_error" else d * p * (1 - p)


class SumForMean(Textbook):
    """The sum over the samples is taken where their mean belongs: everything is n times too large."""

    hint = "Double the batch by repeating it. Should the loss, and its gradient, double?"

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) * (1 if loss.endswith("_sum") else len(y))


class MeanTwice(Textbook):
    """It is divided by the number of samples twice."""

    hint = "Follow the factor 1/n from the loss to the gradient. In how many places is it multiplied in?"

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) / len(y)


class FactorTwoMissing(Textbook):
    """A squared error is half as large as it should be, or its gradient is: a factor 2 is missing."""

    hint = "Differentiate the loss as it is named, with its factor: does (p - y)² leave a 2 behind, does ½(p - y)²?"
    printed = "N15"

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) / (2 if find_loss(loss).kind == "squared_error" else 1)


class FactorTwoTooMany(Textbook):
    """A squared error is twice as large as it should be, or its gradient is: there is a factor 2 too many."""

    hint = "Differentiate the loss as it is named, with its factor: the ½ in ½(p - y)² is there to cancel something."

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) * (2 if find_loss(loss).kind == "squared_error" else 1)


class DividedByOutputs(Textbook):
    """It is divided by the number of outputs as well."""

    hint = "A mean over n samples divides by n. What does np.mean divide by, when it is given an array of shape (n, k)?"

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) / y.shape[1]


class DividedByOutputsForSamples(Textbook):
    """It is divided by the number of outputs where the number of samples belongs."""

    hint = "y has the shape (n, k). Which of the two is the number of samples?"

    def scale(self, y: Array, loss: str) -> float:
        return super().scale(y, loss) * len(y) / y.shape[1]


class SignReversed(Textbook):
    """The sign is reversed: y - p where p - y belongs, or a minus that is missing."""

    hint = "Raise a prediction that is too high already, and the loss rises. Which sign has its derivative, then?"

    def output_error(self, p: Array, y: Array, loss: str) -> Array:
        return -super().output_error(p, y, loss)

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        return -super().loss(prediction, y, loss)


class ProportionalFactor(Textbook):
    """Everything is off by one and the same factor."""

    hint = "Follow the constant factors from the loss to here: which of them is not in its definition?"
    strengths = (3.0,)

    def __init__(self, factor: float = 3.0) -> None:
        self._factor = factor

    def scale(self, y: Array, loss: str) -> float:
        return self._factor * super().scale(y, loss)


class HardenedTargets(Textbook):
    """Soft labels are turned into hard ones: all weight goes to the likeliest class."""

    hint = (
        "Try the label [0.5, 0.3, 0.2]. Does argmax, or an index of the class, leave anything of the smaller numbers?"
    )

    def _hardened(self, y: Array, loss: str) -> Array:
        if find_loss(loss).kind != "cross_entropy":
            return y
        return (np.arange(y.shape[1]) == y.argmax(axis=1)[:, None]).astype(y.dtype)

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        return p - self._hardened(y, loss)

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        return super().loss(prediction, self._hardened(y, loss), loss)


class StalePrediction(Textbook):
    """The prediction of an earlier call is used, where that one fits."""

    hint = (
        "What does the function remember between two calls? Call it twice with different x, and print the prediction."
    )
    remembers = True

    def __init__(self) -> None:
        self._earlier: Array | None = None

    def predict(self, p: Array) -> Array:
        earlier, self._earlier = self._earlier, p
        return earlier if earlier is not None and earlier.shape == p.shape else p


class BroadcastLabels(Textbook):
    """With one output, (n, 1) - (n,) is broadcast to (n, n): every prediction is compared with every label."""

    hint = (
        "Print the shapes of the prediction, of the labels and of their difference, for one output and several samples."
    )

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        return (p - y[:, 0]).mean(axis=1, keepdims=True) if y.shape[1] == 1 else p - y

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        if y.shape[1] > 1 or find_loss(loss).kind != "squared_error":
            return super().loss(prediction, y, loss)
        return ((prediction - y[:, 0]) ** 2).sum() * self.scale(y, loss)


class LabelInTheLogarithm(Textbook):
    """Prediction and label are exchanged in the logarithm: p log y in place of y log p."""

    hint = (
        "Which of the two is a probability that the network gives, and so must never be 0: the prediction or the label?"
    )

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        if find_loss(loss).kind == "squared_error":
            return super().loss(prediction, y, loss)
        return super().loss(y, prediction, loss)


class LogOfZero(Textbook):
    """The logarithm of 0 is taken, and 0 times minus infinity is NaN."""

    hint = "Try a prediction of exactly 0 whose label is 0 too. What should y log p be there, and what is it in NumPy?"

    def log(self, p: Array) -> Array:
        return np.log(p)
