"""The catalogue: implementations with a mistake that people really make, each a `Textbook` with one step changed."""

from __future__ import annotations

import numpy as np

from mistakes.textbook import Textbook
from reference_impl.contract import find_loss

# Activations.


class ReluPrimeIsOneEverywhere(Textbook):
    """The mask is taken from the output, with < 0."""

    def relu_prime(self, z):
        return np.where(self.relu(z) < 0, z.dtype.type(0), z.dtype.type(1))


class ReluPrimeOfZeroIsOne(Textbook):
    def relu_prime(self, z):
        return (z >= 0).astype(z.dtype)


class ReluPrimeOfZeroIsHalf(Textbook):
    def relu_prime(self, z):
        return np.heaviside(z, z.dtype.type(0.5))


class SigmoidTwiceInItsDerivative(Textbook):
    def sigmoid_prime(self, z):
        a = self.sigmoid(self.sigmoid(z))
        return a * (1 - a)


class SigmoidDerivativeOfPreActivation(Textbook):
    def sigmoid_prime(self, z):
        return z * (1 - z)


class TanhDerivativeOfPreActivation(Textbook):
    def tanh_prime(self, z):
        return 1 - z**2


class SigmoidDerivativeOverflows(Textbook):
    def sigmoid_prime(self, z):
        return np.exp(-z) / (1 + np.exp(-z)) ** 2


class SoftmaxWithoutMaximum(Textbook):
    def softmax(self, z):
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


class SoftmaxOverTheBatch(Textbook):
    def softmax(self, z):
        e = np.exp(z - z.max())
        return e / e.sum()


class SoftmaxOverTheSamples(Textbook):
    def softmax(self, z):
        e = np.exp(z - z.max(axis=0))
        return e / e.sum(axis=0)


class SoftmaxWithOneMaximum(Textbook):
    def softmax(self, z):
        e = np.exp(z - z.max())
        return e / e.sum(axis=1, keepdims=True)


class SoftmaxWithoutExponential(Textbook):
    """As the notes print it (N8)."""

    def softmax(self, z):
        return z / z.sum(axis=1, keepdims=True)


class SoftmaxDerivativeIsDiagonal(Textbook):
    def softmax_backward(self, z, p, v):
        return v * p * (1 - p)


class SoftmaxDerivativeOfInput(Textbook):
    def softmax_backward(self, z, p, v):
        return z * (v - (z * v).sum(axis=1, keepdims=True))


# Output delta and scale.


class OutputDerivativeMissing(Textbook):
    def times_prime(self, v, z, g):
        return v


class OutputDerivativeOnTopOfResidual(Textbook):
    def output_delta(self, z, p, y, g, loss):
        d = super().output_delta(z, p, y, g, loss)
        return d if find_loss(loss).kind == "squared_error" else d * p * (1 - p)


class SumForMean(Textbook):
    def scale(self, y, loss):
        return find_loss(loss).factor


class MeanTwice(Textbook):
    def scale(self, y, loss):
        return super().scale(y, loss) / len(y)


class FactorTwoMissing(Textbook):
    def output_delta(self, z, p, y, g, loss):
        d = super().output_delta(z, p, y, g, loss)
        return d / 2 if find_loss(loss).kind == "squared_error" else d


class DividedByOutputs(Textbook):
    def scale(self, y, loss):
        return super().scale(y, loss) / y.shape[1]


class SignReversed(Textbook):
    def residual(self, p, y):
        return y - p


class HardenedTargets(Textbook):
    def residual(self, p, y):
        return p - (y == y.max(axis=1, keepdims=True))


class StalePrediction(Textbook):
    """The prediction of an earlier call is used where it fits."""

    def __init__(self):
        self.earlier = None

    def residual(self, p, y):
        earlier, self.earlier = self.earlier, p
        return (earlier if earlier is not None and earlier.shape == p.shape else p) - y


class BroadcastLabels(Textbook):
    """(n, 1) - (n,) is (n, n)."""

    def residual(self, p, y):
        return (p - y[:, 0]).mean(axis=1, keepdims=True) if y.shape[1] == 1 else p - y


# Hidden layers.


class RawErrorPropagated(Textbook):
    def backward(self, weights, biases, x, y, activations, loss):
        dWs, dbs = super().backward(weights, biases, x, y, activations, loss)
        outputs, zs = self.propagate(weights, biases, x, activations)
        e = 2 * self.scale(y, loss) * self.residual(outputs[-1], y)
        for i in reversed(range(len(weights) - 1)):
            e = e @ weights[i + 1]
            d = e * self.prime(zs[i], activations[i])
            dWs[i], dbs[i] = d.T @ outputs[i], d.sum(axis=0)
        return dWs, dbs


class HiddenDerivativeMissing(Textbook):
    def hidden_delta(self, d, W, z, g):
        return d @ W


class HiddenDerivativeOfTheNextLayer(Textbook):
    def backward(self, weights, biases, x, y, activations, loss):
        dWs, dbs = super().backward(weights, biases, x, y, activations, loss)
        outputs, zs = self.propagate(weights, biases, x, activations)
        d = self.output_delta(zs[-1], outputs[-1], y, activations[-1], loss)
        for i in reversed(range(len(weights) - 1)):
            d = (d @ weights[i + 1]) * self.prime(zs[i], [*activations[:-1], "identity"][i + 1])
            dWs[i], dbs[i] = d.T @ outputs[i], d.sum(axis=0)
        return dWs, dbs


class NoSumOverNextNeurons(Textbook):
    """One index for two, as the notes print N14."""

    def hidden_delta(self, d, W, z, g):
        k = z.shape[1]
        error = np.stack([d[:, j % d.shape[1]] * W[j % d.shape[1], j] for j in range(k)], axis=1)
        return error * self.prime(z, g)


class WeightsUpdatedTooEarly(Textbook):
    def weight_back(self, W, dW):
        return W - 0.1 * dW


class GradientInPlaceOfWeight(Textbook):
    def weight_back(self, W, dW):
        return dW


class MeanAgainInHiddenDelta(Textbook):
    def hidden_delta(self, d, W, z, g):
        return super().hidden_delta(d, W, z, g) / len(d)


class MatrixProductForElementwise(Textbook):
    """Raises, or is wrong where the layer is as wide as the batch is long."""

    def hidden_delta(self, d, W, z, g):
        return (d @ W) @ self.prime(z, g)


# Weight and bias gradients.


class WeightGradientFromPreActivation(Textbook):
    def grad_weight(self, d, received, z_received):
        return d.T @ z_received


class WeightGradientTransposed(Textbook):
    def grad_weight(self, d, received, z_received):
        dW = d.T @ received
        return dW.T.copy() if dW.shape[0] == dW.shape[1] else dW


class BiasGradientNotSummed(Textbook):
    def grad_bias(self, d, dW):
        return d[0].copy()


class BiasGradientAveraged(Textbook):
    def grad_bias(self, d, dW):
        return d.mean(axis=0)


class BiasGradientSummedOverUnits(Textbook):
    def grad_bias(self, d, dW):
        return np.full(d.shape[1], d.sum(), d.dtype)


class BiasGradientFromWeights(Textbook):
    def grad_bias(self, d, dW):
        return dW.sum(axis=1)


class BiasGradientZero(Textbook):
    def grad_bias(self, d, dW):
        return np.zeros(d.shape[1], d.dtype)


class RegularisedByGradient(Textbook):
    def grad_weight(self, d, received, z_received):
        return 1.01 * d.T @ received


# State, types and edges.


class BatchSizeKept(Textbook):
    def __init__(self):
        self.n = None

    def scale(self, y, loss):
        self.n = self.n or len(y)
        return super().scale(y, loss) * (len(y) / self.n if loss.endswith("_mean") else 1)


class ChangesInputs(Textbook):
    def forward(self, weights, biases, x, activations):
        x -= x.mean(axis=0)
        return super().forward(weights, biases, x, activations)


class IntegersTruncate(Textbook):
    def forward(self, weights, biases, x, activations):
        outputs = super().forward(weights, biases, x.astype(int), activations)
        return [x, *(output.astype(x.dtype) for output in outputs[1:])]


class FailsForOneSample(Textbook):
    def backward(self, weights, biases, x, y, activations, loss):
        return super().backward(weights, biases, np.squeeze(x), y, activations, loss)


class LogOfZero(Textbook):
    def log(self, p):
        return np.log(p)


class Float32InTheMiddle(Textbook):
    def propagate(self, weights, biases, x, activations):
        outputs, zs = super().propagate(weights, biases, x, activations)
        return [x, *(output.astype(np.float32).astype(x.dtype) for output in outputs[1:])], zs


MISTAKES = {
    value.__name__: value
    for value in list(globals().values())
    if isinstance(value, type) and issubclass(value, Textbook) and value is not Textbook
}
