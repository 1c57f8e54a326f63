"""Mistakes on the way back through the hidden layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import Array, Layers


class RawErrorPropagated(Textbook):
    """The error dL/da is handed back through the weights, and not the delta dL/dz."""

    hint = "z = W a + b: from dL/dz, a multiplication by W leads back to a. Is it dL/dz that you multiply, or dL/da?"

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        return e @ W


class RawErrorFromTheLastLayer(Textbook):
    """The last layer's error dL/da is handed back through its weights, and not its delta; further back it is right."""

    hint = (
        "The last layer has an activation too. Is its derivative in what you multiply by its weights on the way back?"
    )

    def __init__(self) -> None:
        self._at_the_last = False

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        self._at_the_last = True
        return super().output_delta(v, z, p, g, loss)

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        handed_back, self._at_the_last = e if self._at_the_last else d, False
        return self.times_weights(handed_back, W)


class SameErrorInEveryLayer(Textbook):
    """What the last layer sends back is used in every hidden layer, and not only in the one before it."""

    hint = "Each layer sends its own delta back through its own weights. Which delta does the first layer hear from?"

    def __init__(self) -> None:
        self._kept: Array | None = None

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        self._kept = None
        return super().output_delta(v, z, p, g, loss)

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        if self._kept is None:
            self._kept = super().error_back(d, e, W)
        return self._kept


class HiddenDerivativeOfOutput(Textbook):
    """The derivative of the hidden layers' activations is taken at their outputs, as if these were z."""

    hint = "g'(z) is a function of z. What do you give to it, z or a? A derivative written for a is another function."

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return e * self.prime(self.activate(z, g), g)


class SigmoidDerivativeEverywhere(Textbook):
    """The derivative of the sigmoid is used in every hidden layer, whatever its activation."""

    hint = "Try a network whose hidden layers are not sigmoids. Which line asks what activation a layer has?"

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        return e * self.sigmoid_prime(z)


class PreActivationHandedOn(Textbook):
    """The next layer receives z, and not the activation of it."""

    hint = "What does the second layer receive, in the formula and in the code: z of the first, or a?"

    def propagate(
        self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]
    ) -> tuple[list[Array], list[Array]]:
        outputs, zs, received = [x], [], x
        for W, b, g in zip(weights, biases, activations, strict=True):
            received = self.affine(received, W, b)
            zs.append(received)
            outputs.append(self.activate(received, g))
        return outputs, zs


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
