"""The smallest cases on which a formula is wrong, and their arithmetic in a line to follow by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.strategies import INTEGERS, SearchStrategy, networks, rows, smallest
from backproof.reference_impl.contract import Array
from backproof.reference_impl.network import forward
from backproof.studies.claims.claim import Counterexample
from backproof.studies.claims.networks import (
    at,
    input_as_weights,
    outputs_and_gradients,
    prediction_as_weights,
    without_front,
)
from backproof.studies.claims.witnesses import CERTIFIED, hear, try_on


@dataclass(frozen=True)
class Wrong:
    """An entry that is wrong: of which statement and quantity, where, what is printed and what is right."""

    id: str
    quantity: Quantity
    index: tuple[int, ...]
    printed: float
    exact: float

    @property
    def verdict(self) -> str:
        """What comes after the arithmetic."""
        return f"{number(self.printed)}; it is {number(self.exact)}"


Line = Callable[[Case, Wrong], str]


def counterexample(id: str, answer: Callable[[Case], Answer], failing: Sequence[Case]) -> Counterexample:
    """The smallest case on which the answers to a statement are numbers, and certainly wrong.

    Wrong is what is farther from the certified value than any honest evaluation in float64. failing: cases on which the
    answers are wrong, of which the smallest serves where nothing is wrong with small integers.
    """
    search = SOUGHT[id]

    def is_wrong(case: Case) -> bool:
        return any(outcome.defined and not outcome.agrees for outcome in try_on(hear([case], []), answer))

    case = smallest(search.among, is_wrong) or min(failing, key=lambda case: case.size)
    (known,) = hear([case], [])
    with np.errstate(all="ignore"):
        got = answer(case)
    quantity, index = _worst(got, known.expected[CERTIFIED], known.allowed(CERTIFIED))
    printed, exact = got[quantity], known.expected[CERTIFIED][quantity]
    return Counterexample(
        line=search.line(case, Wrong(id, quantity, index, float(printed[index]), float(exact[index]))),
        case=search.seen(case).to_json(),
        printed=printed.ravel().tolist(),
        exact=exact.ravel().tolist(),
    )


def _worst(got: Answer, exact: Answer, allowed: Answer) -> tuple[Quantity, tuple[int, ...]]:
    """The first entry that is off by more than is allowed."""
    for quantity, values in got.items():
        wrong = np.argwhere(~(np.abs(values - exact[quantity]) <= allowed[quantity]))
        if len(wrong):
            return quantity, tuple(int(i) for i in wrong[0])
    raise AssertionError("what disagrees has an entry that is wrong")


def number(value: float) -> str:
    """An integer or a simple fraction where the value is one, else four digits."""
    if not math.isfinite(value):
        return "no number"
    fraction = Fraction(value).limit_denominator(1000)
    return str(fraction) if abs(float(fraction) - value) <= 4e-16 * abs(value) else f"{value:.4g}"


def numbers(values: Sequence[float] | Array) -> str:
    """A number alone, or several in brackets; a single 0 where all are 0."""
    shown = [number(float(value)) for value in values]
    return shown[0] if len(shown) == 1 or not np.any(values) else f"({', '.join(shown)})"


def factor(value: float) -> str:
    """A number as a factor of a product: in brackets where it is negative."""
    return f"({number(value)})" if value < 0 else number(value)


def product(*values: float) -> str:
    """The product spelt out."""
    return " · ".join(map(factor, values))


def _softmax_line(case: Case, wrong: Wrong) -> str:
    row, i = wrong.index
    x = case.x[row]
    plain, exponentials = " + ".join(map(factor, x)), " + ".join(f"e^{factor(v)}" for v in x)
    return (
        f"x = {numbers(x)}: N8 gives y_{i + 1} = {number(x[i])} / ({plain}) = {number(wrong.printed)}, but the softmax "
        f"is e^{factor(x[i])} / ({exponentials}) = {number(wrong.exact)}"
    )


def _function_line(case: Case, wrong: Wrong) -> str:
    return f"z = {number(case.x[wrong.index])}: {wrong.id} gives {wrong.verdict}"


def _relu_prime_line(case: Case, wrong: Wrong) -> str:
    z, printed, exact = case.x[wrong.index], wrong.printed, wrong.exact
    return f"z = {number(z)}: this reading gives {number(printed)}, PyTorch's and JAX's relu {number(exact)}"


def _network_line(case: Case, wrong: Wrong) -> str:
    place = "".join(str(i + 1) for i in wrong.index)
    return f"{given(case)}: of {wrong.quantity}, entry {place}, {wrong.id} gives {wrong.verdict}"


def given(case: Case) -> str:
    """A network of one layer, and what it predicts; neurons and samples are separated by semicolons."""
    (W,), (b,) = case.weights, case.biases
    prediction = forward(case.weights, case.biases, case.x, case.activations)[-1]
    x, w, y, p = ("; ".join(map(numbers, rows)) for rows in (case.x, W, case.y, prediction))
    return f"x = {x}, w = {w}, b = {numbers(b)}, y = {y}, y' = {p}"


def _deltas(case: Case) -> Array:
    """dL/dx_j x_j (1 - x_j) of the first layer, (n, k_1)."""
    (_, x, *_), (_, dx, *_) = outputs_and_gradients(case)
    return dx * x * (1 - x)


def _with_deltas(case: Case) -> str:
    """A network of one layer, what it predicts, and the factors that the printed formulas share."""
    (_, x, *_), (_, dx, *_) = outputs_and_gradients(case)
    factors = [product(d, a, 1 - a) for d, a in zip(dx.ravel(), x.ravel(), strict=True)]
    values = "; ".join(map(numbers, _deltas(case)))
    return f"{given(case)}, δ = ∂L/∂y' y' (1 - y') = {' and '.join(dict.fromkeys(factors))} = {values}"


def _weight_line(case: Case, wrong: Wrong) -> str:
    j, received = wrong.index
    delta = _deltas(case)[0, j]
    return (
        f"{_with_deltas(case)}: N12 gives ∂L/∂w_{j + 1}{received + 1} = {factor(delta)} · x_{j + 1} = "
        f"{number(wrong.printed)}; it is {factor(delta)} · x_{received + 1} = {number(wrong.exact)}"
    )


def _bias_line(case: Case, wrong: Wrong) -> str:
    (j,) = wrong.index
    terms = " + ".join(map(factor, _deltas(case)[:, j]))
    return (
        f"{_with_deltas(case)}: N13 gives ∂L/∂b_{j + 1} = {number(wrong.printed)} for the first sample; it is "
        f"{terms} = {number(wrong.exact)}"
    )


def _input_line(case: Case, wrong: Wrong) -> str:
    """The entry is one of the weights of the layer in front, which are x^T."""
    received, sample = wrong.index
    terms = _terms(without_front(case), received, sample)
    says = f"N14 gives ∂L/∂x_{received + 1} = {terms[min(received, len(terms) - 1)]}"
    if wrong.id == "N16":
        says = f"N15 and N14 give ∂L/∂x_{received + 1}"
    return (
        f"{_with_deltas(without_front(case))}: {says} = {number(wrong.printed)}; it is {' + '.join(terms)} = "
        f"{number(wrong.exact)}"
    )


def _terms(case: Case, received: int, sample: int) -> list[str]:
    """What each neuron of the first layer contributes to the derivative by a number that it receives."""
    return [product(d, w) for d, w in zip(_deltas(case)[sample], case.weights[0][:, received], strict=True)]


def _output_line(case: Case, wrong: Wrong) -> str:
    """The entry is one of the weights, which are the predictions transposed."""
    j, sample = wrong.index
    p, y, n = case.weights[0][j, sample], case.y[sample, j], round(1 / case.loss_scale)
    difference = f"({number(p)} - {factor(y)})"
    return (
        f"y' = {number(p)}, y = {number(y)}, n = {n}: N15 gives ∂L/∂y' = 1/{n} · {difference} = "
        f"{number(wrong.printed)}, but L = 1/{n} · {difference}² has ∂L/∂y' = 2/{n} · {difference} = "
        f"{number(wrong.exact)}"
    )


def _at_one_row() -> SearchStrategy[Case]:
    return rows(1, 3).map(lambda drawn: at(*drawn))


def _layer(
    max_batch: int, loss: str = "half_squared_error_mean", activations: Sequence[str] = ("sigmoid",)
) -> SearchStrategy[Case]:
    """Networks of one layer, of integers."""
    return networks(
        max_depth=1, max_width=3, max_batch=max_batch, activations=activations, losses=(loss,), numbers=INTEGERS
    )


MEAN = "squared_error_mean"


class Search(NamedTuple):
    """Where a statement's counterexample is sought, how it is written, and the network that its case stands for."""

    among: SearchStrategy[Case]
    line: Line
    seen: Callable[[Case], Case] = lambda case: case


SOUGHT = {
    "N1": Search(_layer(1, activations=("identity",)), _network_line),
    "N2": Search(_at_one_row(), _function_line),
    "N3": Search(_at_one_row(), _function_line),
    "N4": Search(_layer(1, activations=("sigmoid", "relu")), _network_line),
    "N5": Search(_at_one_row(), _function_line),
    "N6": Search(_at_one_row(), _relu_prime_line),
    "N8": Search(_at_one_row(), _softmax_line),
    "N10": Search(_layer(1), _network_line),
    "N11": Search(_layer(1), _network_line),
    "N12": Search(_layer(1), _weight_line),
    "N13": Search(_layer(3), _bias_line),
    "N14": Search(_layer(1).map(input_as_weights), _input_line, without_front),
    "N15": Search(rows(2, 3).map(lambda drawn: prediction_as_weights(drawn[0], drawn[1], MEAN)), _output_line),
    "N16": Search(_layer(1, MEAN).map(input_as_weights), _input_line, without_front),
}
