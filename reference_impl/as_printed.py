"""The notes to the letter: every formula as it is printed, wrong ones included, and runnable.

Which of them are right is not said here; the claims find out by running (`studies.claims`). Where the text leaves
something open, each way of settling it is a reading with a name (`readings`). What a formula should say, where no
reading makes it right, stands beside it (`corrections`): a reading keeps what is printed, a correction changes it.

In the notes' symbols: layer i receives x^(i), k_{i-1} numbers, and gives x^(i+1), k_i numbers; W (k_i, k_{i-1}) has
the weights w_j of neuron j in row j. The formulas are printed for one sample, a vector; where a function takes several
samples, each is a row. A number that the printed index does not reach is NaN.

As far as the notes go, the module is an implementation of the contract, for `backproof verify
reference_impl.as_printed` and `backproof replay` to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from backproof.reference_impl.contract import Array, Layers, find_loss

Formula = Callable[..., Any]

STATEMENTS = {
    "N1": "Neuron: f_j^(i)(x^(i)) = w_j^(i) · x^(i) + b_j^(i)",
    "N2": "Sigmoid: g(z) = 1 / (1 + e^(-z))",
    "N3": "Sigmoid identity: g'(z) = g(z) * [1 - g(z)]",
    "N4": "Layer: x^(i+1) = [ g(f_1(x^(i))), g(f_2(x^(i))), ..., g(f_{k_i}(x^(i))) ]",
    "N5": "ReLU: g(z) = z if z >= 0, 0 if z < 0; the same as max(0, z)",
    "N6": "ReLU's derivative is very simple (no value is given at 0)",
    "N7": "ReLU speeds convergence up and avoids vanishing gradients, compared with the sigmoid",
    "N8": "Softmax, used on the last layer: y_i = x_i / sum_{j=1..k} x_j",
    "N9": "The softmax's outputs are proportional to its inputs, sum to 1, and can be read as P(y_i given x)",
    "N10": "Gradient descent: w_j^(i) <- w_j^(i) - α ∂L/∂w_j^(i), b_j^(i) <- b_j^(i) - α ∂L/∂b_j^(i), "
    "with L the mean squared error",
    "N11": "z_j^(i) = f_j^(i)(x^(i)) = w_j^(i) · x^(i) + b_j^(i), x_j^(i+1) = g(z_j^(i)), every g a sigmoid",
    "N12": "∂L/∂w_j^(i) = ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1)) * x_j^(i)",
    "N13": "∂L/∂b_j^(i) = ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1))",
    "N14": "∂L/∂x_j^(i) = ∂L/∂x_j^(i+1) * x_j^(i+1) * (1 - x_j^(i+1)) * w_j^(i)",
    "N15": "Last layer: ∂L/∂x_j^(m-1) = ∂L/∂y'_j = (1/n) * (y'_j - y_j)   (L was called the mean squared error)",
    "N16": "By backward induction from N15 through N14, every ∂L/∂x_j^(i) follows",
    "N17": "Vectors are used because batched vector and matrix operations save much time when the scale is large",
    "N18": "Without an activation function every node is linear, a composition of linear maps is linear, "
    "so no number of neurons fits better",
}


def neuron(w: Array, b: Array, x: Array) -> Array:
    """N1: w_j · x + b_j, for weights (k,), a bias, and x (k,) or (n, k)."""
    return x @ w + b


def sigmoid(z: Array) -> Array:
    """N2: 1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z: Array) -> Array:
    """N3: g(z) [1 - g(z)]."""
    return sigmoid(z) * (1 - sigmoid(z))


def layer(W: Array, b: Array, x: Array, g: Formula) -> Array:
    """N4: [g(f_1(x)), g(f_2(x)), ..., g(f_k(x))], one neuron after the other; x (k,) or (n, k)."""
    return np.stack([g(neuron(w_j, b_j, x)) for w_j, b_j in zip(W, b, strict=True)], axis=-1)


def relu(z: Array) -> Array:
    """N5 by cases: z if z >= 0, 0 if z < 0."""
    return np.where(z >= 0, z, 0)


def relu_as_maximum(z: Array) -> Array:
    """N5 as a maximum: max(0, z)."""
    return np.maximum(0, z)


def relu_prime(z: Array, at_zero: float = np.nan) -> Array:
    """N6: 1 if z > 0, 0 if z < 0. For 0 no value is printed."""
    return np.select([z > 0, z < 0], [1, 0], at_zero).astype(z.dtype)


def softmax(x: Array) -> Array:
    """N8: x_i / sum_j x_j, in every row of x (n, k)."""
    return x / x.sum(axis=-1, keepdims=True)


def softmax_with_exponential(x: Array) -> Array:
    """N8 corrected: e^x_i / sum_j e^x_j. Divided by the largest exponential above and below, so that none overflows."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def descend(w: Array, dw: Array, alpha: float) -> Array:
    """N10: w - alpha dL/dw, and the same for b."""
    return w - alpha * dw


def sigmoid_layers(weights: Layers, biases: Layers, x: Array) -> list[Array]:
    """N11: [x^(1), x^(2), ..., y'], where z_j = w_j · x^(i) + b_j and x_j^(i+1) = g(z_j), every g a sigmoid."""
    outputs = [x]
    for W, b in zip(weights, biases, strict=True):
        outputs.append(layer(W, b, outputs[-1], sigmoid))
    return outputs


def weight_gradient_filling_rows(dx_next: Array, x_next: Array, x: Array) -> Array:
    """N12, the same number for all weights of neuron j: dL/dx_j x_j (1 - x_j) times the j-th number received."""
    of_neuron = dx_next * x_next * (1 - x_next) * _first(len(x_next), x)
    return np.repeat(of_neuron[:, None], len(x), axis=1)


def weight_gradient_elementwise(dx_next: Array, x_next: Array, x: Array) -> Array:
    """N12, vectors multiplied entry by entry: for the weight from input j to neuron j; 0 for all others."""
    of_neuron = dx_next * x_next * (1 - x_next) * _first(len(x_next), x)
    return np.where(np.eye(len(x_next), len(x)) == 1, of_neuron[:, None], 0)


def weight_gradient_of_two_indices(dx_next: Array, x_next: Array, x: Array) -> Array:
    """N12 corrected: dL/dw_jl = dL/dx_j x_j (1 - x_j) x_l, summed over samples; (n, k_i), (n, k_i), (n, k_{i-1})."""
    return (dx_next * x_next * (1 - x_next)).T @ x


def bias_gradient(dx_next: Array, x_next: Array) -> Array:
    """N13: dL/dx_j^(i+1) x_j^(i+1) (1 - x_j^(i+1))."""
    return dx_next * x_next * (1 - x_next)


def bias_gradient_over_samples(dx_next: Array, x_next: Array) -> Array:
    """N13 corrected: the same, summed over samples; both (n, k_i)."""
    return (dx_next * x_next * (1 - x_next)).sum(axis=0)


def input_gradient_of_one_index(dx_next: Array, x_next: Array, W: Array) -> Array:
    """N14: dL/dx_j^(i+1) x_j^(i+1) (1 - x_j^(i+1)) times w_jj, the weight from input j to neuron j."""
    return _first(W.shape[1], dx_next * x_next * (1 - x_next)) * _first(W.shape[1], W.diagonal())


def input_gradient_summed(dx_next: Array, x_next: Array, W: Array) -> Array:
    """N14 corrected: dL/dx_l^(i) = sum_j dL/dx_j^(i+1) x_j^(i+1) (1 - x_j^(i+1)) w_jl."""
    return (dx_next * x_next * (1 - x_next)) @ W


def _first(k: int, x: Array) -> Array:
    """x_1, ..., x_k; NaN where there are fewer."""
    return np.concatenate([x[:k], np.full(max(0, k - len(x)), np.nan, x.dtype)])


# What n may count, for labels y (n, k).
COUNTS: dict[str, Callable[[Array], int]] = {
    "samples": lambda y: y.shape[0],
    "outputs": lambda y: y.shape[1],
    "samples and outputs": lambda y: y.size,
}


def mean_squared_error(prediction: Array, y: Array, n: str = "samples", factor: float = 1.0) -> Any:
    """L, of which N10 and N15 print the name: (factor / n) times the sum of (y'_j - y_j)^2; n is a key of COUNTS."""
    return ((prediction - y) ** 2).sum() * (factor / COUNTS[n](y))


def output_gradient(prediction: Array, y: Array, n: str = "samples") -> Array:
    """N15: (1/n) (y'_j - y_j)."""
    return (prediction - y) * (1 / COUNTS[n](y))


def output_gradient_of_the_mean(prediction: Array, y: Array, n: str = "samples") -> Array:
    """N15 corrected: (2/n) (y'_j - y_j), the derivative of (1/n) (y'_j - y_j)^2."""
    return (prediction - y) * (2 / COUNTS[n](y))


def induction(weights: Layers, outputs: Layers, y: Array, base: Formula, step: Formula) -> list[Array]:
    """N16: [dL/dx^(1), ..., dL/dy'], the last by the base, N15, and each from the one after it by the step, N14.

    outputs: x^(1), ..., y', each (n, k); y (n, k_m). The step is taken for each sample.
    """
    gradients = [base(outputs[-1], y)]
    for W, x_next in zip(reversed(weights), reversed(outputs[1:]), strict=True):
        gradients.insert(0, np.stack([step(d, x, W) for d, x in zip(gradients[0], x_next, strict=True)]))
    return gradients


def collapse(weights: Layers, biases: Layers) -> tuple[Array, Array]:
    """N18: the one W and b that layers without activation come to: W_m (... (W_1 x + b_1) ...) + b_m = W x + b."""
    W, b = weights[0], biases[0]
    for W_i, b_i in zip(weights[1:], biases[1:], strict=True):
        W, b = W_i @ W, W_i @ b + b_i
    return W, b


def readings() -> dict[str, dict[str, Formula]]:
    """For each statement that prints a formula, its readings by name, all of them to the letter."""
    return {
        "N1": {"as printed": neuron},
        "N2": {"as printed": sigmoid},
        "N3": {"as printed": sigmoid_prime},
        "N4": {"as printed": layer},
        "N5": {"by cases": relu, "as a maximum": relu_as_maximum},
        "N6": {
            "g'(0) = 0": partial(relu_prime, at_zero=0.0),
            "g'(0) = 1/2": partial(relu_prime, at_zero=0.5),
            "g'(0) = 1": partial(relu_prime, at_zero=1.0),
        },
        "N8": {"as printed": softmax},
        "N10": {"as printed": descend},
        "N11": {"as printed": sigmoid_layers},
        "N12": {
            "one index (one number for all weights of neuron j)": weight_gradient_filling_rows,
            "one index (vectors multiplied entry by entry)": weight_gradient_elementwise,
        },
        "N13": {"as printed": bias_gradient},
        "N14": {"one index (the weight from input j to neuron j)": input_gradient_of_one_index},
        "N15": {f"n counting {counted}": partial(output_gradient, n=counted) for counted in COUNTS},
        "N16": {
            "N15 and N14 are the printed ones": partial(
                induction, base=output_gradient, step=input_gradient_of_one_index
            ),
            "N15 and N14 are the corrected ones": partial(
                induction, base=output_gradient_of_the_mean, step=input_gradient_summed
            ),
        },
        "N18": {"as printed": collapse},
    }


def corrections() -> dict[str, tuple[str, Formula]]:
    """For each formula that needs it, the name of what is changed, and what it should say."""
    return {
        "N8": ("with the exponential", softmax_with_exponential),
        "N12": ("two indices, summed over samples", weight_gradient_of_two_indices),
        "N13": ("summed over samples", bias_gradient_over_samples),
        "N14": ("two indices, summed over the neurons of layer i", input_gradient_summed),
        "N15": ("2/n", output_gradient_of_the_mean),
    }


def losses() -> dict[tuple[str, str], Formula]:
    """The readings of L: by the factor that it carries, and by what n counts."""
    return {
        (name, counted): partial(mean_squared_error, n=counted, factor=factor)
        for name, factor in (("1/n", 1.0), ("1/(2n)", 0.5))
        for counted in COUNTS
    }


# The contract's functions that are not above.


def forward(weights: Layers, biases: Layers, x: Array, activations: Sequence[str]) -> list[Array]:
    """N11, for sigmoids; raises NotImplementedError for a network of others."""
    _refuse_unless(all(g == "sigmoid" for g in activations), "N11 is about sigmoids alone")
    return sigmoid_layers(weights, biases, x)


def backward(
    weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
) -> tuple[list[Array], list[Array]]:
    """N12 and N13 with the gradients of N16, for one sample.

    Raises NotImplementedError for activations other than sigmoids, losses other than squared errors, and for several
    samples, over which the notes print no sum.
    """
    _refuse_unless(find_loss(loss).kind == "squared_error", "N15 is about squared errors alone")
    _refuse_unless(len(x) == 1, "N12 and N13 are printed for one sample")
    outputs = forward(weights, biases, x, activations)
    gradients = induction(weights, outputs, y, output_gradient, input_gradient_of_one_index)
    layers = range(len(weights))
    return (
        [weight_gradient_filling_rows(gradients[i + 1][0], outputs[i + 1][0], outputs[i][0]) for i in layers],
        [bias_gradient(gradients[i + 1][0], outputs[i + 1][0]) for i in layers],
    )


def gradient_descent_step(
    weights: Layers, biases: Layers, grad_weights: Layers, grad_biases: Layers, learning_rate: float
) -> tuple[list[Array], list[Array]]:
    """N10 for every layer."""
    return (
        [descend(W, dW, learning_rate) for W, dW in zip(weights, grad_weights, strict=True)],
        [descend(b, db, learning_rate) for b, db in zip(biases, grad_biases, strict=True)],
    )


def _refuse_unless(condition: bool, reason: str) -> None:
    if not condition:
        raise NotImplementedError(reason)
