"""Mistakes in the gradients of weights and biases, and in the step that uses them."""

from __future__ import annotations

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers

PENALTIES = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001, 0.0001)


class WeightGradientFromPreActivation(Textbook):
    """dW is made with the previous layer's pre-activation z, and not with its output a."""

    hint = "z = W a + b. What is dz/dW: what the layer receives, or what that was before its activation?"

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return d.T @ z_received


class WeightGradientFromOwnOutput(Textbook):
    """dW is made with the layer's own output, and not with what it receives."""

    hint = "dW has the shape of W: a row for each neuron of this layer, a column for each of the layer before."

    def layer_gradients(self, i: int, d: Array, outputs: Layers, zs: Layers) -> tuple[Array, Array]:
        dW = self.grad_weight(d, outputs[i + 1], zs[i])
        return dW, self.grad_bias(d, dW)


class WeightGradientTransposed(Textbook):
    """dW is transposed: its shape is wrong, or its values are where a layer is square."""

    hint = "dW[j, l] belongs to the weight from input l to neuron j. Which of delta and a should give the rows?"

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        return super().grad_weight(d, received, z_received).T.copy()


class WeightGradientWithOneIndex(Textbook):
    """The gradient of neuron j's weights takes input j for all of them: one index for two."""

    hint = "Neuron j has a weight for each input l. Which input does the derivative by that weight contain?"
    printed = "N12"

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        row = [(d[:, j] * received[:, j]).sum() for j in range(d.shape[1])]
        return np.repeat(np.array(row, d.dtype)[:, None], received.shape[1], axis=1)


class GradientOfTheLastSample(Textbook):
    """The gradients of the samples are overwritten, not added up: the last sample's are left."""

    hint = "Look for a loop over the samples: does it add to the gradients, or replace them?"

    def layer_gradients(self, i: int, d: Array, outputs: Layers, zs: Layers) -> tuple[Array, Array]:
        dW = self.grad_weight(d[-1:], outputs[i][-1:], zs[i - 1][-1:] if i else outputs[0][-1:])
        return dW, self.grad_bias(d[-1:], dW)


class OutputDerivativeMissingInItsWeights(Textbook):
    """The last layer's dW is made without the derivative of its activation; what is handed back has it."""

    hint = "The delta that goes back to the hidden layers is right. Is it the same one that makes dW of the last layer?"

    def __init__(self) -> None:
        self._error: Array | None = None

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        self._error = v
        return super().output_delta(v, z, p, g, loss)

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        used, self._error = d if self._error is None else self._error, None
        return super().grad_weight(used, received, z_received)


class BiasGradientOverTheWrongAxis(Textbook):
    """db is summed over the neurons, and has a number for each sample."""

    hint = "Print the shapes of delta and of b. Which axis of delta has as many entries as b?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.sum(axis=1)


class BiasGradientNotSummed(Textbook):
    """db is not summed over the batch: it still has a row for each sample."""

    hint = (
        "b has one number for each neuron, used for all samples. What happens to the samples' shares of its gradient?"
    )

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.copy()


class BiasGradientOfOneSample(Textbook):
    """db is the first sample's, and not the sum over the batch."""

    hint = "b is used for all samples. Which of them does your db depend on?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d[0].copy()


class BiasGradientAveraged(Textbook):
    """db is averaged over the batch, where it should be summed: the 1/n of the loss is in delta already."""

    hint = "dW sums over the samples, inside of a matrix product. Does db do the same with them?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.mean(axis=0)


class BiasGradientSummedOverUnits(Textbook):
    """db is summed over the neurons too: all of a layer's are the same number."""

    hint = "Print the shape of delta, and that of b. Over which axis do you have to sum to get from one to the other?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.full(d.shape[1], d.sum(), d.dtype)


class BiasGradientFromWeights(Textbook):
    """db is the row sums of dW."""

    hint = "z = W a + b. What does b multiply? The inputs a have no part in its gradient."

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return dW.sum(axis=1)


class BiasGradientZero(Textbook):
    """db is 0."""

    hint = "Is db computed at all, or only made as an array of zeros? Does the loss change with b?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.zeros(d.shape[1], d.dtype)


class BiasGradientKeepsDimension(Textbook):
    """db keeps the dimension that was summed over: its shape is (1, k), and not (k,)."""

    hint = "Print db.shape and b.shape. What does keepdims do?"

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return d.sum(axis=0, keepdims=True)


class _Penalty(Textbook):
    """A penalty of some strength."""

    strengths = PENALTIES

    def __init__(self, strength: float = 0.01) -> None:
        self._strength = strength


class RegularisedByGradient(_Penalty):
    """A penalty is added to dW that is made from the gradient, and not from the weight."""

    hint = "The derivative of a penalty λ/2 W² is λ times what? And is a penalty asked for at all?"

    def regularise(self, dW: Array, db: Array, W: Array, b: Array) -> tuple[Array, Array]:
        return dW + self._strength * dW, db


class RegularisationLeftOn(_Penalty):
    """A penalty on the weights is in dW, though the loss has none."""

    hint = "Is there a term with W alone in your gradient? The loss that is asked for has no penalty."

    def regularise(self, dW: Array, db: Array, W: Array, b: Array) -> tuple[Array, Array]:
        return dW + self._strength * W, db


class RegularisedBias(_Penalty):
    """A penalty is added to db, made from the bias."""

    hint = (
        "Is there a term with b alone in your gradient? The loss that is asked for has no penalty, and biases never do."
    )

    def regularise(self, dW: Array, db: Array, W: Array, b: Array) -> tuple[Array, Array]:
        return dW, db + self._strength * b


class StepUphill(Textbook):
    """The step goes uphill: along the gradient, and not against it."""

    hint = "The gradient points where the loss grows. Which way should the weights go?"

    def step(self, w: Array, gradient: Array, learning_rate: float) -> Array:
        return w + learning_rate * gradient


class StepWithoutLearningRate(Textbook):
    """The step takes the whole gradient, without the learning rate."""

    hint = "Does the result change when you pass another learning rate?"

    def step(self, w: Array, gradient: Array, learning_rate: float) -> Array:
        return w - gradient


class StepInPlace(Textbook):
    """The step changes the arrays that it was given, where it should make new ones."""

    hint = "What does `-=` do to the array that the caller still holds?"

    def step(self, w: Array, gradient: Array, learning_rate: float) -> Array:
        w -= learning_rate * gradient
        return w
