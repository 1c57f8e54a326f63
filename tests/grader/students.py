"""Submissions as students write them: a right one, and what becomes of it when a line or two are got wrong.

None of them shares a line with the catalogue, which has to recognise them by what they answer. This module is long because
it has each mistake once, as a student would make it.
"""

from __future__ import annotations

from typing import NamedTuple

RIGHT = """
import numpy as np


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


def relu(z):
    return np.maximum(z, 0)


def relu_prime(z):
    d = np.zeros_like(z)
    d[z > 0] = 1
    return d


def softmax(z):
    shifted = z - np.max(z, axis=1, keepdims=True)
    exps = np.exp(shifted)
    return exps / exps.sum(axis=1, keepdims=True)


def activation(z, name):
    if name == "sigmoid":
        return sigmoid(z)
    elif name == "relu":
        return relu(z)
    elif name == "softmax":
        return softmax(z)
    return z


def derivative(z, name):
    if name == "sigmoid":
        return sigmoid_prime(z)
    elif name == "relu":
        return relu_prime(z)
    return np.ones_like(z)


def loss(prediction, y, loss):
    n = len(y)
    if loss == "half_squared_error_mean":
        return np.sum((prediction - y) ** 2) / (2 * n)
    logs = np.log(np.where(prediction > 0, prediction, 1.0))
    return -np.sum(y * logs) / n


def forward(weights, biases, x, activations):
    a = [x]
    for W, b, name in zip(weights, biases, activations):
        a.append(activation(np.dot(a[-1], W.T) + b, name))
    return a


def backward(weights, biases, x, y, activations, loss):
    L = len(weights)
    n = x.shape[0]
    a = [x]
    z = []
    for W, b, name in zip(weights, biases, activations):
        z.append(np.dot(a[-1], W.T) + b)
        a.append(activation(z[-1], name))
    p = a[-1]
    error = p - y
    if loss == "cross_entropy_mean":
        delta = error / n
    elif activations[-1] == "softmax":
        g = error / n
        delta = np.zeros_like(g)
        for s in range(n):
            J = np.diag(p[s]) - np.outer(p[s], p[s])
            delta[s] = J @ g[s]
    else:
        delta = error / n * derivative(z[-1], activations[-1])
    dW = [None] * L
    db = [None] * L
    for l in range(L - 1, -1, -1):
        dW[l] = np.dot(delta.T, a[l])
        db[l] = np.sum(delta, axis=0)
        if l > 0:
            back = np.dot(delta, weights[l])
            delta = back * derivative(z[l - 1], activations[l - 1])
    return dW, db


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    new_weights = [W - learning_rate * g for W, g in zip(weights, grad_weights)]
    new_biases = [b - learning_rate * g for b, g in zip(biases, grad_biases)]
    return new_weights, new_biases
"""

EVERYTHING = "everything"

# The edges that networks have under one of the two losses alone.
OF_CROSS_ENTROPY, OF_SQUARED_ERROR = "soft labels", "one output"


class Mistaken(NamedTuple):
    """A mistake: its name in the catalogue, the lines that change, and for each function what it loses points for.

    lost: the names of checks, or EVERYTHING; functions that it leaves out lose nothing. kept: where it is right under
    one of the losses, and so keeps half of the points, the edge that has this loss alone.
    """

    name: str
    lines: dict[str, str]
    lost: dict[str, set[str] | str]
    kept: str = ""

    @property
    def source(self) -> str:
        """The submission with this mistake."""
        text = RIGHT
        for right, wrong in self.lines.items():
            assert text.count(right) == 1, right
            text = text.replace(right, wrong)
        return text


DELTA = """    if loss == "cross_entropy_mean":
        delta = error / n
"""
OTHER = "delta = error / n * derivative(z[-1], activations[-1])"
HIDDEN = """            back = np.dot(delta, weights[l])
            delta = back * derivative(z[l - 1], activations[l - 1])
"""
DB = "db[l] = np.sum(delta, axis=0)"
DW = "dW[l] = np.dot(delta.T, a[l])"
SIGMOID_PRIME = "return sigmoid(z) * (1 - sigmoid(z))"
RELU_PRIME = "    d[z > 0] = 1"
SHIFTED = "shifted = z - np.max(z, axis=1, keepdims=True)"
NORMALISED = "return exps / exps.sum(axis=1, keepdims=True)"
FORWARD = "a.append(activation(np.dot(a[-1], W.T) + b, name))"
INSIDE = "        a.append(activation(z[-1], name))\n"
N = "    n = x.shape[0]\n"
START = """    n = x.shape[0]
    a = [x]
"""
JACOBIAN = """        delta = np.zeros_like(g)
        for s in range(n):
            J = np.diag(p[s]) - np.outer(p[s], p[s])
            delta[s] = J @ g[s]
"""
STEP = """    new_weights = [W - learning_rate * g for W, g in zip(weights, grad_weights)]
    new_biases = [b - learning_rate * g for b, g in zip(biases, grad_biases)]
"""
RAISING = "    a = [x]\n    for W, b, name in zip(weights, biases, activations):\n        a.append"

BACKWARD: dict[str, set[str] | str] = {"backward": EVERYTHING}

MISTAKEN = [
    # Activations. What calls them loses nothing.
    Mistaken("ReluPrimeIsOneEverywhere", {RELU_PRIME: "    d[relu(z) >= 0] = 1"}, {"relu_prime": EVERYTHING}),
    Mistaken("ReluByMaxOfColumns", {"return np.maximum(z, 0)": "return np.max(z, 0)"}, {"relu": EVERYTHING}),
    Mistaken("ReluPrimeOfZeroIsOne", {RELU_PRIME: "    d[z >= 0] = 1"}, {"relu_prime": {"zeros"}}),
    Mistaken(
        "ReluPrimeOfZeroIsHalf",
        {RELU_PRIME: "    d = d + (z > 0) + 0.5 * (z == 0).astype(d.dtype)"},
        {"relu_prime": {"zeros"}},
    ),
    Mistaken(
        "SigmoidTwiceInItsDerivative",
        {SIGMOID_PRIME: "s = sigmoid(z)\n    return sigmoid(s) * (1 - sigmoid(s))"},
        {"sigmoid_prime": EVERYTHING},
    ),
    Mistaken("SigmoidDerivativeOfPreActivation", {SIGMOID_PRIME: "return z * (1 - z)"}, {"sigmoid_prime": EVERYTHING}),
    Mistaken(
        "SigmoidDerivativeOverflows",
        {SIGMOID_PRIME: "e = np.exp(-z)\n    return e / (1 + e) ** 2"},
        {"sigmoid_prime": {"large values"}},
    ),
    Mistaken("SoftmaxWithoutMaximum", {SHIFTED: "shifted = z"}, {"softmax": {"large values"}}),
    Mistaken(
        "SoftmaxOverTheBatch",
        {NORMALISED: "return exps / np.sum(exps)", SHIFTED: "shifted = z - np.max(z)"},
        {"softmax": EVERYTHING},
    ),
    Mistaken(
        "SoftmaxOverTheSamples",
        {NORMALISED: "return exps / exps.sum(axis=0, keepdims=True)", SHIFTED: "shifted = z - np.max(z, axis=0)"},
        {"softmax": EVERYTHING},
    ),
    Mistaken("SoftmaxWithOneMaximum", {SHIFTED: "shifted = z - np.max(z)"}, {"softmax": {"large values"}}),
    Mistaken("SoftmaxWithoutExponential", {"exps = np.exp(shifted)": "exps = z"}, {"softmax": EVERYTHING}),
    Mistaken(
        "SoftmaxDerivativeIsDiagonal", {JACOBIAN: "        delta = g * p * (1 - p)\n"}, BACKWARD, kept=OF_CROSS_ENTROPY
    ),
    Mistaken(
        "SoftmaxDerivativeOfInput",
        {"J = np.diag(p[s]) - np.outer(p[s], p[s])": "J = np.diag(z[-1][s]) - np.outer(z[-1][s], z[-1][s])"},
        BACKWARD,
        kept=OF_CROSS_ENTROPY,
    ),
    # The last layer.
    Mistaken(
        "OutputDerivativeMissing",
        {OTHER: "delta = error / n", JACOBIAN: "        delta = g\n"},
        BACKWARD,
        kept=OF_CROSS_ENTROPY,
    ),
    Mistaken(
        "OutputDerivativeOnTopOfResidual",
        {DELTA: DELTA.replace("error / n", "error * p * (1 - p) / n")},
        {"backward": EVERYTHING},
        kept=OF_SQUARED_ERROR,
    ),
    Mistaken("SumForMean", {N: "    n = 1\n", "for s in range(n)": "for s in range(len(x))"}, BACKWARD),
    Mistaken("SumForMean", {"    n = len(y)\n": "    n = 1\n"}, {"loss": EVERYTHING}),
    Mistaken("MeanTwice", {"error = p - y": "error = (p - y) / n"}, BACKWARD),
    Mistaken(
        "FactorTwoMissing",
        {OTHER: "delta = error / (2 * n) * derivative(z[-1], activations[-1])", "g = error / n": "g = error / n / 2"},
        BACKWARD,
        kept=OF_CROSS_ENTROPY,
    ),
    Mistaken(
        "FactorTwoTooMany",
        {OTHER: "delta = 2 * error / n * derivative(z[-1], activations[-1])", "g = error / n": "g = 2 * error / n"},
        BACKWARD,
        kept=OF_CROSS_ENTROPY,
    ),
    Mistaken("FactorTwoTooMany", {"/ (2 * n)": "/ n"}, {"loss": EVERYTHING}, kept=OF_CROSS_ENTROPY),
    Mistaken("DividedByOutputs", {"error = p - y": "error = (p - y) / y.shape[1]"}, BACKWARD),
    Mistaken(
        "DividedByOutputs",
        {
            "return np.sum((prediction - y) ** 2) / (2 * n)": "return np.mean((prediction - y) ** 2) / 2",
            "return -np.sum(y * logs) / n": "return -np.mean(y * logs)",
        },
        {"loss": EVERYTHING},
    ),
    Mistaken(
        "DividedByOutputsForSamples",
        {N: "    n = y.shape[1]\n", "for s in range(n)": "for s in range(len(x))"},
        BACKWARD,
    ),
    Mistaken("SignReversed", {"error = p - y": "error = y - p"}, BACKWARD),
    Mistaken(
        "HardenedTargets",
        {
            DELTA: '    if loss == "cross_entropy_mean":\n        delta = p.copy()\n        delta[np.arange(n), np.argmax(y, axis=1)] -= 1\n        delta /= n\n'
        },
        {"backward": {"soft labels"}},
    ),
    Mistaken(
        "HardenedTargets",
        {"return -np.sum(y * logs) / n": "return -np.mean(logs[np.arange(n), y.argmax(axis=1)])"},
        {"loss": {"soft labels"}},
    ),
    Mistaken(
        "StalePrediction",
        {
            "    p = a[-1]\n": "    global last\n    p = last if last is not None and last.shape == y.shape else a[-1]\n    last = a[-1]\n",
            "import numpy as np\n": "import numpy as np\n\nlast = None\n",
        },
        {
            "backward": {
                "ordinary networks",
                "one sample",
                "one feature",
                "width 1",
                "one output",
                "integers",
                "zeros",
                "large values",
                "single precision",
            }
        },
    ),
    Mistaken(
        "BroadcastLabels",
        {
            "error = p - y": "error = p - y\n    if y.shape[1] == 1:\n        error = (p - y.ravel()).mean(axis=1)[:, None]"
        },
        {"backward": {"one output"}},
    ),
    Mistaken(
        "LogOfZero",
        {"logs = np.log(np.where(prediction > 0, prediction, 1.0))": "logs = np.log(prediction)"},
        {"loss": {"large values"}},
    ),
    # Hidden layers.
    Mistaken(
        "RawErrorPropagated",
        {
            HIDDEN: "            err = np.dot(err, weights[l])\n            delta = err * derivative(z[l - 1], activations[l - 1])\n",
            "    dW = [None] * L": "    err = error / n\n    dW = [None] * L",
        },
        BACKWARD,
    ),
    Mistaken("HiddenDerivativeMissing", {HIDDEN: "            delta = np.dot(delta, weights[l])\n"}, BACKWARD),
    Mistaken(
        "HiddenDerivativeOfTheNextLayer", {HIDDEN: HIDDEN.replace("activations[l - 1]", "activations[l]")}, BACKWARD
    ),
    Mistaken(
        "NoSumOverNextNeurons",
        {
            HIDDEN: "            back = np.zeros_like(a[l])\n            for j in range(back.shape[1]):\n                back[:, j] = delta[:, j] * weights[l][j, j]\n            delta = back * derivative(z[l - 1], activations[l - 1])\n"
        },
        BACKWARD,
    ),
    Mistaken(
        "OnlyTheLastNextNeuron",
        {
            HIDDEN: "            for j in range(delta.shape[1]):\n                back = np.outer(delta[:, j], weights[l][j])\n            delta = back * derivative(z[l - 1], activations[l - 1])\n"
        },
        BACKWARD,
    ),
    Mistaken(
        "WeightsUpdatedTooEarly",
        {"back = np.dot(delta, weights[l])": "back = np.dot(delta, weights[l] - 0.01 * dW[l])"},
        BACKWARD,
    ),
    Mistaken("GradientInPlaceOfWeight", {"back = np.dot(delta, weights[l])": "back = np.dot(delta, dW[l])"}, BACKWARD),
    Mistaken("WeightTransposed", {"back = np.dot(delta, weights[l])": "back = np.dot(delta, weights[l].T)"}, BACKWARD),
    Mistaken(
        "MeanAgainInHiddenDelta", {"back = np.dot(delta, weights[l])": "back = np.dot(delta, weights[l]) / n"}, BACKWARD
    ),
    Mistaken(
        "MatrixProductForElementwise",
        {
            "delta = back * derivative(z[l - 1], activations[l - 1])": "delta = back @ derivative(z[l - 1], activations[l - 1])"
        },
        BACKWARD,
    ),
    # Gradients.
    Mistaken(
        "WeightGradientFromPreActivation",
        {DW: "dW[l] = np.dot(delta.T, z[l - 1] if l > 0 else x)"},
        {"backward": "weights"},
    ),
    Mistaken("WeightGradientFromOwnOutput", {DW: "dW[l] = np.dot(delta.T, a[l + 1])"}, {"backward": "weights"}),
    Mistaken("WeightGradientTransposed", {DW: "dW[l] = np.dot(a[l].T, delta)"}, {"backward": "weights"}),
    Mistaken(
        "WeightGradientWithOneIndex",
        {
            DW: "dW[l] = np.zeros_like(weights[l])\n        for j in range(len(biases[l])):\n            dW[l][j] = np.sum(delta[:, j] * a[l][:, j])"
        },
        BACKWARD,
    ),
    Mistaken(
        "GradientOfTheLastSample",
        {
            DW: "for s in range(n):\n            dW[l] = np.outer(delta[s], a[l][s])\n            db[l] = delta[s]",
            DB: "pass",
        },
        BACKWARD,
    ),
    Mistaken("BiasGradientNotSummed", {DB: "db[l] = delta"}, {"backward": "biases"}),
    Mistaken("BiasGradientOfOneSample", {DB: "db[l] = delta[0]"}, {"backward": "biases"}),
    Mistaken("BiasGradientAveraged", {DB: "db[l] = np.mean(delta, axis=0)"}, {"backward": "biases"}),
    Mistaken(
        "BiasGradientSummedOverUnits", {DB: "db[l] = np.ones_like(biases[l]) * np.sum(delta)"}, {"backward": "biases"}
    ),
    Mistaken("BiasGradientFromWeights", {DB: "db[l] = dW[l].sum(axis=1)"}, {"backward": "biases"}),
    Mistaken("BiasGradientZero", {DB: "db[l] = np.zeros_like(biases[l])"}, {"backward": "biases"}),
    Mistaken(
        "BiasGradientKeepsDimension", {DB: "db[l] = np.sum(delta, axis=0, keepdims=True)"}, {"backward": "biases"}
    ),
    Mistaken(
        "RegularisedByGradient", {"    return dW, db": "    return [g * 1.05 for g in dW], db"}, {"backward": "weights"}
    ),
    Mistaken(
        "RegularisationLeftOn",
        {"    return dW, db": "    return [g + 0.001 * W for g, W in zip(dW, weights)], db"},
        {"backward": "weights"},
    ),
    Mistaken(
        "RegularisedBias",
        {"    return dW, db": "    return dW, [g + 0.1 * b for g, b in zip(db, biases)]"},
        {"backward": "biases"},
    ),
    Mistaken("StepUphill", {STEP: STEP.replace(" - ", " + ")}, {"gradient_descent_step": EVERYTHING}),
    Mistaken(
        "StepWithoutLearningRate", {STEP: STEP.replace("learning_rate * ", "")}, {"gradient_descent_step": EVERYTHING}
    ),
    Mistaken(
        "StepInPlace",
        {
            STEP: "    for W, g in zip(weights + biases, grad_weights + grad_biases):\n        W -= learning_rate * g\n    new_weights, new_biases = weights, biases\n"
        },
        {"gradient_descent_step": EVERYTHING},
    ),
    # State, types and edges.
    Mistaken(
        "BatchSizeKept",
        {
            N: "    global N\n    N = N or x.shape[0]\n    n = N\n",
            "for s in range(n)": "for s in range(len(x))",
            "import numpy as np\n": "import numpy as np\n\nN = None\n",
        },
        BACKWARD,
    ),
    Mistaken(
        "ChangesInputs",
        {RAISING: RAISING.replace("    a = [x]", "    x -= x.mean(axis=0)\n    a = [x]")},
        {"forward": EVERYTHING},
    ),
    Mistaken("ChangesLabels", {"error = p - y": "y -= p\n    error = -y"}, BACKWARD),
    Mistaken(
        "IntegersTruncate",
        {
            FORWARD: "a.append(activation(np.dot(a[-1] if len(a) > 1 else x.astype(int), W.T) + b, name).astype(W.dtype))"
        },
        {"forward": EVERYTHING},
    ),
    Mistaken(
        "OutputsOfInputType",
        {
            FORWARD: "out = np.empty((len(x), len(b)), dtype=x.dtype)\n        out[:] = activation(np.dot(a[-1], W.T) + b, name)\n        a.append(out)"
        },
        {"forward": {"integers"}},
    ),
    Mistaken(
        "FailsForOneSample",
        {START: START + "    if x.squeeze().shape[0] != n and n == 1:\n        raise ValueError('bad shape')\n"},
        {"backward": {"one sample"}},
    ),
    Mistaken(
        "FailsForOneFeature",
        {
            FORWARD: "a.append(activation(np.dot(np.squeeze(a[-1]) if len(a) == 1 and x.shape[1] == 1 else a[-1], W.T) + b, name))"
        },
        {"forward": {"one feature"}},
    ),
    Mistaken(
        "FailsForOneNeuron",
        {
            FORWARD: "a.append(activation(np.dot(a[-1] if a[-1].shape[1] > 1 or len(a) == 1 else a[-1].squeeze(axis=1), W.T) + b, name))"
        },
        {"forward": {"width 1"}},
    ),
    Mistaken(
        "Float32InTheMiddle",
        {INSIDE: "        a.append(activation(z[-1].astype(np.float32), name).astype(W.dtype))\n"},
        BACKWARD,
    ),
    Mistaken(
        "RawErrorFromTheLastLayer",
        {HIDDEN: HIDDEN.replace("np.dot(delta,", "np.dot(error / n if l == L - 1 else delta,")},
        BACKWARD,
        kept=OF_CROSS_ENTROPY,
    ),
    Mistaken(
        "SameErrorInEveryLayer",
        {HIDDEN: HIDDEN.replace("            back", "            if l == L - 1:\n                back")},
        BACKWARD,
    ),
    Mistaken("HiddenDerivativeOfOutput", {HIDDEN: HIDDEN.replace("z[l - 1]", "a[l]")}, BACKWARD),
    Mistaken(
        "SigmoidDerivativeEverywhere",
        {HIDDEN: HIDDEN.replace("derivative(z[l - 1], activations[l - 1])", "sigmoid_prime(z[l - 1])")},
        BACKWARD,
    ),
    Mistaken(
        "PreActivationHandedOn",
        {
            FORWARD: "a.append(activation(z := np.dot(z if len(a) > 1 else x, W.T) + b, name))",
        },
        {"forward": EVERYTHING},
    ),
    Mistaken(
        "OutputDerivativeMissingInItsWeights",
        {DW: "dW[l] = np.dot((error / n if l == L - 1 else delta).T, a[l])"},
        {"backward": "weights"},
        kept=OF_CROSS_ENTROPY,
    ),
    Mistaken("BiasGradientOverTheWrongAxis", {DB: "db[l] = np.sum(delta, axis=1)"}, {"backward": "biases"}),
    Mistaken(
        "LabelInTheLogarithm",
        {
            "logs = np.log(np.where(prediction > 0, prediction, 1.0))": "logs = np.log(np.where(y > 0, y, 1.0))",
            "return -np.sum(y * logs) / n": "return -np.sum(prediction * logs) / n",
        },
        {"loss": EVERYTHING},
        kept=OF_SQUARED_ERROR,
    ),
    Mistaken("ProportionalFactor", {"error = p - y": "error = 3.7 * (p - y)"}, BACKWARD),
]

# Wrong in ways that the catalogue does not know: whatever name they are given is a wrong one.
UNKNOWN = {
    "leaky ReLU": {"return np.maximum(z, 0)": "return np.where(z > 0, z, 0.01 * z)"},
    "steep sigmoid": {"return 1.0 / (1.0 + np.exp(-z))": "return 1.0 / (1.0 + np.exp(-1.01 * z))"},
    "sigmoid with an epsilon": {"return 1.0 / (1.0 + np.exp(-z))": "return 1.0 / (1.0 + np.exp(-z) + 1e-8)"},
    "softmax at a temperature": {SHIFTED: "shifted = (z - np.max(z, axis=1, keepdims=True)) / 2"},
    "softmax with an epsilon": {NORMALISED: "return exps / (exps.sum(axis=1, keepdims=True) + 1e-9)"},
    "softmax sorted": {NORMALISED: "return np.sort(exps / exps.sum(axis=1, keepdims=True), axis=1)"},
    "absolute error": {"np.sum((prediction - y) ** 2)": "np.sum(np.abs(prediction - y))"},
    "log with base 2": {"logs = np.log(": "logs = np.log2("},
    "forward without the last activation": {"    return a\n\n\ndef backward": "    a[-1] = np.dot(a[-2], weights[-1].T) + biases[-1]\n    return a\n\n\ndef backward"},
    "clipped gradients": {"    return dW, db": "    return [np.clip(g, -0.05, 0.05) for g in dW], db"},
    "rounded gradients": {"    return dW, db": "    return [np.round(g, 6) for g in dW], [np.round(g, 6) for g in db]"},
    "noise": {"    return dW, db": "    return [g * (1 + 1e-7) ** l for l, g in enumerate(dW, 1)], db"},
    "normalised gradients": {"    return dW, db": "    return [g / (np.linalg.norm(g) + 1e-12) for g in dW], db"},
    "layers in reverse": {"    return dW, db": "    return dW[::-1], db[::-1]"},
    "first layer left out": {"    return dW, db": "    dW[0] = np.zeros_like(dW[0])\n    return dW, db"},
    "bias of the layer before": {DB: "db[l] = np.full_like(biases[l], np.sum(a[l]))"},
    "backward without its first activation": {HIDDEN: HIDDEN.replace("back * derivative", "back * (l > 1) * derivative")},
    "half of the samples": {N: "    n = x.shape[0]\n    x, y = x[: (n + 1) // 2], y[: (n + 1) // 2]\n", "for s in range(n)": "for s in range(len(x))"},
    "momentum": {STEP: STEP.replace("learning_rate * g", "learning_rate * (0.9 * g + 0.1 * np.sign(g))")},
    "half precision": {"    return dW, db": "    return [g.astype(np.float16).astype(g.dtype) for g in dW], db"},
    "random": {"    return dW, db": "    rng = np.random.default_rng(0)\n    return [g + rng.normal(size=g.shape).astype(g.dtype) for g in dW], db"},
}  # fmt: skip

# Two mistakes of the catalogue at once.
PAIRS = {
    ("HiddenDerivativeMissing", "BiasGradientAveraged"): {HIDDEN: "            delta = np.dot(delta, weights[l])\n", DB: "db[l] = np.mean(delta, axis=0)"},
    ("OutputDerivativeMissing", "WeightGradientFromPreActivation"): {OTHER: "delta = error / n", JACOBIAN: "        delta = g\n", DW: "dW[l] = np.dot(delta.T, z[l - 1] if l > 0 else x)"},
    ("SumForMean", "HiddenDerivativeMissing"): {N: "    n = 1\n", "for s in range(n)": "for s in range(len(x))", HIDDEN: "            delta = np.dot(delta, weights[l])\n"},
    ("SignReversed", "BiasGradientZero"): {"error = p - y": "error = y - p", DB: "db[l] = np.zeros_like(biases[l])"},
    ("SoftmaxDerivativeIsDiagonal", "OnlyTheLastNextNeuron"): {JACOBIAN: "        delta = g * p * (1 - p)\n", HIDDEN: "            for j in range(delta.shape[1]):\n                back = np.outer(delta[:, j], weights[l][j])\n            delta = back * derivative(z[l - 1], activations[l - 1])\n"},
    ("GradientInPlaceOfWeight", "BiasGradientOfOneSample"): {"back = np.dot(delta, weights[l])": "back = np.dot(delta, dW[l])", DB: "db[l] = delta[0]"},
}  # fmt: skip


def with_lines(lines: dict[str, str]) -> str:
    """The right submission with some lines changed."""
    return Mistaken("", lines, {}).source
