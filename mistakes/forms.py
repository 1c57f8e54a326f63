"""Other forms of the catalogue's mistakes, which give other answers: each is a subclass of the mistake it is one of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from backproof.mistakes.activations import SoftmaxOverTheBatch
from backproof.mistakes.gradients import BiasGradientKeepsDimension, BiasGradientNotSummed, RegularisationLeftOn
from backproof.mistakes.hidden import (
    GradientInPlaceOfWeight,
    HiddenDerivativeOfTheNextLayer,
    MatrixProductForElementwise,
    SigmoidDerivativeEverywhere,
    WeightsUpdatedTooEarly,
)
from backproof.mistakes.outputs import (
    BroadcastLabels,
    LabelInTheLogarithm,
    OutputDerivativeOnTopOfResidual,
    SumForMean,
)
from backproof.mistakes.state import IntegersTruncate
from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers, find_loss


class RowMaximaSubtracted(SoftmaxOverTheBatch):
    """The softmax is normalised over the whole batch, after each row's maximum was subtracted from it."""

    def softmax(self, z: Array) -> Array:
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum()


class WholeDerivativeOnTop(OutputDerivativeOnTopOfResidual):
    """Under a cross-entropy, p - y is multiplied by the activation's whole derivative, which it contains already."""

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        d = Textbook.output_delta(self, v, z, p, g, loss)
        if find_loss(loss).kind == "squared_error":
            return d
        return self.softmax_backward(z, p, d) if g == "softmax" else self.times_prime(d, z, g)


class SumOverEntries(SumForMean):
    """The sum is taken where a mean belongs, over the samples and over the outputs too."""

    def scale(self, y: Array, loss: str) -> float:
        return find_loss(loss).factor


class EveryLabelCompared(BroadcastLabels):
    """With one output, (n, 1) and (n,) are broadcast to (n, n), whatever the loss, and it goes on with that."""

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        return p - y[:, 0] if y.shape[1] == 1 else p - y

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        if y.shape[1] > 1:
            return super().loss(prediction, y, loss)
        every = np.broadcast_to(prediction, (len(y), len(y))), np.broadcast_to(y[:, 0], (len(y), len(y)))
        return Textbook.loss(self, *every, loss) * self.scale(y, loss) / self.scale(every[1], loss)


class LogarithmOfTheLabel(LabelInTheLogarithm):
    """Prediction and label are exchanged in the logarithm, which is taken of labels of 0 too: p log y, with log 0."""

    def log(self, p: Array) -> Array:
        return np.log(p)


class MatrixProductInTheLastLayerToo(MatrixProductForElementwise):
    """A matrix product stands where an elementwise one is meant, in the last layer too."""

    def times_prime(self, v: Array, z: Array, g: str) -> Array:
        return v @ self.prime(z, g)


class DerivativeTimesError(MatrixProductForElementwise):
    """A matrix product stands where an elementwise one is meant: the derivative's matrix times the error's."""

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return self.prime(z, g) @ e


class DotProductForElementwise(MatrixProductForElementwise):
    """For each sample the dot product of error and derivative stands where an elementwise product is meant."""

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return np.broadcast_to((e * self.prime(z, g)).sum(axis=1, keepdims=True), e.shape)


class SlopesByTheSigmoidsOutput(SigmoidDerivativeEverywhere):
    """a (1 - a), the sigmoid's derivative in terms of its output, is used in every hidden layer."""

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        a = self.activate(z, g)
        return e * a * (1 - a)


class NextSlopeOfTheOutput(HiddenDerivativeOfTheNextLayer):
    """The derivative of the layer after is used, in terms of the output: a (1 - a), 1 - a² or a > 0."""

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        a = self.activate(z, g)
        one = np.ones_like(a)
        slopes = {"sigmoid": a * (1 - a), "tanh": 1 - a * a, "relu": one * (a > 0)}
        return e * slopes.get(next_g, one)


class _SampleBySample(Textbook):
    """The gradients of single samples are made, of a squared error with p - y, and added up; the scale comes then."""

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        kind = find_loss(loss).kind
        alone = "half_squared_error_sum" if kind == "squared_error" else f"{kind}_sum"
        scale = self.scale(y, loss) / self.scale(y, alone)
        parts = [
            super(_SampleBySample, self).backward(weights, biases, x[s : s + 1], y[s : s + 1], activations, alone)
            for s in range(len(x))
        ]
        dWs, dbs = (
            [scale * np.sum(of_layer, axis=0) for of_layer in zip(*of_kind, strict=True)]
            for of_kind in zip(*parts, strict=True)
        )
        return dWs, dbs


class SamplesGradientInPlaceOfWeight(_SampleBySample, GradientInPlaceOfWeight):
    """The error goes back through the gradient dW of its sample where the weights W belong."""


class WeightsUpdatedBySample(_SampleBySample, WeightsUpdatedTooEarly):
    """The weights are updated by the sample's own gradient before its error goes back through them."""


class GradientsInColumns(BiasGradientNotSummed):
    """db is not summed over the batch: it has a column for each sample."""

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.T.copy()


class GradientsInALine(BiasGradientNotSummed):
    """db is not summed over the batch: it has a number for each neuron and sample, all in a line."""

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.T.ravel()


class ColumnKept(BiasGradientKeepsDimension):
    """db keeps the dimension that was summed over: its shape is (k, 1), and not (k,)."""

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.sum(axis=0)[:, None]


class PenaltyOfASample(RegularisationLeftOn):
    """A penalty on the weights, divided by the number of samples, is in dW, though the loss has none."""

    def layer_gradients(self, i: int, d: Array, outputs: Layers, zs: Layers) -> tuple[Array, Array]:
        self._n = len(d)
        return super().layer_gradients(i, d, outputs, zs)

    def regularise(self, dW: Array, db: Array, W: Array, b: Array) -> tuple[Array, Array]:
        return dW + self._strength / self._n * W, db


class IntegersFromTheFirst(IntegersTruncate):
    """The inputs are turned into integers before anything else, and lose their fractions for the gradients as well."""

    def propagate(
        self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]
    ) -> tuple[list[Array], list[Array]]:
        return super().propagate(weights, biases, np.trunc(x), activations)
