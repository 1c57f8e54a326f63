"""Mistakes on the way back through the hidden layers."""

from __future__ import annotations

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array


class RawErrorPropagated(Textbook):
    """The error dL/da is handed back through the weights, and not the delta dL/dz."""

    hint = "z = W a + b: from dL/dz, a multiplication by W leads back to a. Is it dL/dz that you multiply, or dL/da?"

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return e @ W


class HiddenDerivativeMissing(Textbook):
    """The derivative of the hidden layers' activations is left out."""

    hint = "Every layer has an activation, and the chain rule a factor for each. How do you get from dL/da to dL/dz?"

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return e


class HiddenDerivativeOfTheNextLayer(Textbook):
    """The derivative of another layer's activation is used: that of the layer after."""

    hint = (
        "Write down, for a network with a different activation in each layer, which of them turned this z into this a."
    )

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return e * self.prime(z, "identity" if next_g == "softmax" else next_g)


class NoSumOverNextNeurons(Textbook):
    """Neuron j hears from neuron j of the next layer alone: one index for two, and no sum."""

    hint = "How many neurons of the next layer does neuron j feed? The loss depends on it through all of them."
    printed = "N14"

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return np.stack([d[:, j] * W[j, j] for j in range(W.shape[1])], axis=1)


class OnlyTheLastNextNeuron(Textbook):
    """What the neurons of the next layer send back is overwritten, not added up: the last one's is left."""

    hint = "Look for a loop over the next layer's neurons: does it add to what is there already, or replace it?"

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return d[:, -1:] * W[-1]


class WeightsUpdatedTooEarly(Textbook):
    """The weights are updated before the error goes back through them."""

    hint = "Through which weights did the forward pass go, those before the step or those after it?"
    strengths = (1.0, 0.5, 0.1, 0.05, 0.01, 0.005, 0.001)

    def __init__(self, learning_rate: float = 0.1) -> None:
        self._learning_rate = learning_rate

    def weight_back(self, W: Array, dW: Array) -> Array:
        return W - self._learning_rate * dW


class GradientInPlaceOfWeight(Textbook):
    """The error goes back through the gradient dW where the weights W belong."""

    hint = "z = W a + b. Which matrix is dz/da?"

    def weight_back(self, W: Array, dW: Array) -> Array:
        return dW


class WeightTransposed(Textbook):
    """The error goes back through W where its transpose belongs, or the other way round; it shows in square layers."""

    hint = "Write down the shapes of delta, of W, and of what should come out, for a layer with 3 inputs and 5 neurons."

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return d @ W.T


class MeanAgainInHiddenDelta(Textbook):
    """It is divided by the number of samples again in every hidden layer."""

    hint = "The 1/n of the loss is in the last layer's delta already, and all others come from that one."

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return super().error_back(d, e, W) / len(d)


class MatrixProductForElementwise(Textbook):
    """A matrix product stands where an elementwise one is meant; where the shapes happen to fit, it is just wrong."""

    hint = "Each neuron's error is multiplied by that neuron's own derivative. Does `@` do that, or `*`?"

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return e @ self.prime(z, g)
