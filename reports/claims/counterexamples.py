"""The smallest cases on which a formula is wrong, and their arithmetic in a line to follow by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from oracles.case import Answer, Case, Quantity
from oracles.strategies import INTEGERS, SearchStrategy, networks, rows, smallest
from reference_impl.contract import Array
from reports.claims.claim import Counterexample
from reports.claims.networks import at, input_as_weights, outputs_and_gradients, prediction_as_weights, without_front
from reports.claims.witnesses import CERTIFIED, hear, try_on

# From an entry that is wrong, what is printed for it and what is right, to the arithmetic.
Line = Callable[[Case, tuple[int, ...], float, float], str]


def counterexample(id: str, answer: Callable[[Case], Answer]) -> Counterexample:
    """The smallest case on which the answers to a statement are numbers, and certainly wrong.

    Wrong is what is farther from the certified value than any honest evaluation in float64. Raises
    hypothesis.errors.NoSuchExample where nothing is.
    """
    strategy, line = SOUGHT[id]

    def is_wrong(case: Case) -> bool:
        return any(outcome.defined and not outcome.agrees for outcome in try_on(hear([case], []), answer))

    case = smallest(strategy, is_wrong)
    (known,) = hear([case], [])
    with np.errstate(all="ignore"):
        got = answer(case)
    quantity, index = _worst(got, known.expected[CERTIFIED], known.allowed[CERTIFIED])
    printed, exact = got[quantity], known.expected[CERTIFIED][quantity]
    return Counterexample(
        line=line(case, index, float(printed[index]), float(exact[index])),
        case=case.to_json(),
        printed=printed.ravel().tolist(),
        exact=exact.ravel().tolist(),
    )


def _worst(got: Answer, exact: Answer, allowed: Answer) -> tuple[Quantity, tuple[int, ...]]:
    """The first entry that is off by more than is allowed."""
    for quantity, values in got.items():
        wrong = np.argwhere(np.abs(values - exact[quantity]) > allowed[quantity])
        if len(wrong):
            return quantity, tuple(int(i) for i in wrong[0])
    raise AssertionError("what disagrees has an entry that is wrong")


def number(value: float) -> str:
    """An integer or a simple fraction where the value is one, else four digits."""
    fraction = Fraction(value).limit_denominator(1000)
    return str(fraction) if abs(float(fraction) - value) <= 4e-16 * abs(value) else f"{value:.4g}"


def numbers(values: Sequence[float] | Array) -> str:
    """A number alone, or several in brackets."""
    shown = [number(float(value)) for value in values]
    return shown[0] if len(shown) == 1 else f"({', '.join(shown)})"


def factor(value: float) -> str:
    """A number as a factor of a product: in brackets where it is negative."""
    return f"({number(value)})" if value < 0 else number(value)


def product(*values: float) -> str:
    """The product spelt out."""
    return " · ".join(map(factor, values))


def _softmax_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    x, (_, i) = case.x[0], index
    plain, exponentials = " + ".join(map(factor, x)), " + ".join(f"e^{factor(v)}" for v in x)
    return (
        f"x = {numbers(x)}: N8 gives y_{i + 1} = {number(x[i])} / ({plain}) = {number(printed)}, "
        f"the softmax e^{factor(x[i])} / ({exponentials}) = {number(exact)}"
    )


def _relu_prime_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    return (
        f"z = {number(case.x[index])}: this reading gives {number(printed)}, PyTorch's and JAX's relu {number(exact)}"
    )


def _given(case: Case) -> str:
    """A network of one layer, and what it predicts; neurons and samples are separated by semicolons."""
    (W,), (b,) = case.weights, case.biases
    outputs, _ = outputs_and_gradients(case)
    x, w, y, prediction = ("; ".join(map(numbers, rows)) for rows in (case.x, W, case.y, outputs[-1]))
    return f"x = {x}, w = {w}, b = {numbers(b)}, y = {y}, so y' = {prediction}"


def _deltas(case: Case, j: int) -> list[tuple[float, float, float]]:
    """For each sample dL/dx_j, x_j, and 1 - x_j of neuron j of the first layer."""
    outputs, gradients = outputs_and_gradients(case)
    return [(d[j], x[j], 1 - x[j]) for d, x in zip(gradients[1], outputs[1], strict=True)]


def _weight_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    j, received = index
    (delta,) = _deltas(case, j)
    return (
        f"{_given(case)}; N12 gives ∂L/∂w_{j + 1}{received + 1} = {product(*delta)} · x_{j + 1} = {number(printed)}, "
        f"but it is {product(*delta)} · x_{received + 1} = {number(exact)}"
    )


def _bias_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    (j,) = index
    first, *_ = deltas = _deltas(case, j)
    return (
        f"{_given(case)}; N13 gives ∂L/∂b_{j + 1} = {product(*first)} = {number(printed)} for the first sample, "
        f"but it is {' + '.join(product(*delta) for delta in deltas)} = {number(exact)}"
    )


def _input_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    """index: of the weights of the layer in front, which are x^T."""
    received, sample = index
    terms = _terms(without_front(case), received, sample)
    return (
        f"{_given(without_front(case))}; N14 gives ∂L/∂x_{received + 1} = {terms[received]} = {number(printed)}, "
        f"but it is {' + '.join(terms)} = {number(exact)}"
    )


def _terms(case: Case, received: int, sample: int) -> list[str]:
    """What each neuron of the first layer contributes to the derivative by a number that it receives."""
    W = case.weights[0]
    return [product(*_deltas(case, j)[sample], W[j, received]) for j in range(len(W))]


def _output_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    """index: of the weights, which are the predictions transposed."""
    j, sample = index
    p, y, n = case.weights[0][j, sample], case.y[sample, j], round(1 / case.loss_scale)
    difference = f"({number(p)} - {factor(y)})"
    return (
        f"y' = {number(p)}, y = {number(y)}, n = {n}: N15 gives ∂L/∂y' = 1/{n} · {difference} = {number(printed)}, "
        f"but L = 1/{n} · {difference}² has ∂L/∂y' = 2/{n} · {difference} = {number(exact)}"
    )


def _induction_line(case: Case, index: tuple[int, ...], printed: float, exact: float) -> str:
    received, sample = index
    terms = _terms(without_front(case), received, sample)
    return (
        f"{_given(without_front(case))}; N15 and N14 give ∂L/∂x_{received + 1} = {number(printed)}, "
        f"but it is {' + '.join(terms)} = {number(exact)}"
    )


def _sigmoids(max_batch: int, loss: str) -> SearchStrategy[Case]:
    """Networks of one layer of sigmoids, of integers."""
    return networks(
        max_depth=1, max_width=3, max_batch=max_batch, activations=("sigmoid",), losses=(loss,), numbers=INTEGERS
    )


HALF, MEAN = "half_squared_error_mean", "squared_error_mean"

# For each statement, where its counterexample is sought and how it is written.
SOUGHT: dict[str, tuple[SearchStrategy[Case], Line]] = {
    "N6": (rows(1, 3).map(lambda drawn: at(*drawn)), _relu_prime_line),
    "N8": (rows(1, 3).map(lambda drawn: at(*drawn)), _softmax_line),
    "N12": (_sigmoids(1, HALF), _weight_line),
    "N13": (_sigmoids(3, HALF), _bias_line),
    "N14": (_sigmoids(1, HALF).map(input_as_weights), _input_line),
    "N15": (rows(2, 3).map(lambda drawn: prediction_as_weights(drawn[0], drawn[1], MEAN)), _output_line),
    "N16": (_sigmoids(1, MEAN).map(input_as_weights), _induction_line),
}
