"""The arithmetic of a right answer, step by step, as one would write it down for a small network.

Layers are counted from 1, as in the notes, so that a[0] is x; entries of arrays from 0, as in NumPy. Numbers are shown
in six digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl import activations as g
from backproof.reference_impl.contract import Array
from backproof.reference_impl.losses import TERMS, loss_gradient
from backproof.reference_impl.network import forward, output_delta, times_derivative

# Arrays with more entries are shown without the arithmetic of each.
ENTRIES_SHOWN = 6


def number(value: float, digits: int = 6) -> str:
    """A number in a few digits, whole ones without a fraction."""
    return f"{float(value) + 0.0:.{digits}g}"


def array(values: Array, digits: int = 6) -> str:
    """An array in nested brackets."""
    if values.ndim == 0:
        return number(float(values), digits)
    return f"[{', '.join(array(part, digits) for part in values)}]"


def steps(function: str, case: Case, prediction: Array) -> list[str]:
    """The lines for a function of the contract, asked about a case; prediction: what the loss is asked about."""
    with np.errstate(all="ignore"):
        if function == "forward":
            return list(_forward(case))
        if function == "backward":
            return [*_forward(case), *_backward(case)]
        if function == "loss":
            return list(_loss(prediction, case))
        if function == "gradient_descent_step":
            return list(_step(case))
        if function == "softmax":
            return list(_softmax("softmax(z)", case.x))
        return list(_entries(f"{function}(z)", case.x, FORMULA[function]))


def _factor(value: float) -> str:
    """A number as a factor or summand: in brackets where it is negative."""
    return f"({number(value)})" if value < 0 else number(value)


def _entries(name: str, z: Array, formula: Callable[[float], tuple[str, float]]) -> Iterator[str]:
    """A function of single numbers, entry by entry."""
    results = [formula(float(value)) for value in z.ravel()]
    if z.size > ENTRIES_SHOWN:
        yield f"{name} = {array(np.array([value for _, value in results]).reshape(z.shape))}"
        return
    for index, (text, value) in zip(np.ndindex(z.shape), results, strict=True):
        yield f"{name}{list(index)} = {text} = {number(value)}"


def _sigmoid(z: float) -> tuple[str, float]:
    value = float(g.sigmoid(np.array(z)))
    return f"1 / (1 + e^{_factor(-z)})", value


def _sigmoid_prime(z: float) -> tuple[str, float]:
    a = float(g.sigmoid(np.array(z)))
    return f"{number(a)}·(1 - {number(a)})", a * (1 - a)


def _relu(z: float) -> tuple[str, float]:
    return f"max(0, {number(z)})", max(0.0, z)


def _relu_prime(z: float) -> tuple[str, float]:
    return f"(1 if {number(z)} > 0 else 0)", float(z > 0)


def _tanh(z: float) -> tuple[str, float]:
    return f"tanh {_factor(z)}", float(np.tanh(z))


def _tanh_prime(z: float) -> tuple[str, float]:
    a = float(np.tanh(z))
    return f"1 - {_factor(a)}²", 1 - a * a


FORMULA: dict[str, Callable[[float], tuple[str, float]]] = {
    "sigmoid": _sigmoid,
    "sigmoid_prime": _sigmoid_prime,
    "relu": _relu,
    "relu_prime": _relu_prime,
    "tanh": _tanh,
    "tanh_prime": _tanh_prime,
}


def _softmax(name: str, z: Array) -> Iterator[str]:
    for i, (row, result) in enumerate(zip(z, g.softmax(z), strict=True)):
        largest = float(row.max())
        e = np.exp(row - largest)
        taken = f" (after subtracting {number(largest)})" if largest else ""
        yield f"{name}, row {i}: exponentials {array(e)}{taken}, their sum {number(e.sum())}, quotients {array(result)}"


def _product(formula: str, left: Array, right: Array, added: Array | None = None) -> Iterator[str]:
    """A matrix product, and perhaps something added to each row: its result, and the sums where they are few."""
    result = left @ right + (0 if added is None else added)
    yield f"{formula} = {array(result)}"
    if result.size <= ENTRIES_SHOWN:
        for i, j in np.ndindex(result.shape):
            parts = [f"{_factor(a)}·{_factor(b)}" for a, b in zip(left[i], right[:, j], strict=True)]
            parts += [] if added is None else [_factor(float(added[j]))]
            yield f"    [{i}, {j}]: {' + '.join(parts)} = {number(float(result[i, j]))}"


def _forward(case: Case) -> Iterator[str]:
    outputs = forward(case.weights, case.biases, case.x, case.activations)
    yield f"a[0] = x = {array(case.x)}"
    for i, (W, b, name) in enumerate(zip(case.weights, case.biases, case.activations, strict=True), 1):
        yield from _product(f"z[{i}] = a[{i - 1}] W[{i}]ᵀ + b[{i}]", outputs[i - 1], W.T, b)
        z = outputs[i - 1] @ W.T + b
        if name == "softmax":
            yield from _softmax(f"a[{i}] = softmax(z[{i}])", z)
        elif name == "identity":
            yield f"a[{i}] = z[{i}]"
        else:
            yield from _entries(f"a[{i}]", z, FORMULA[name])


def _loss(p: Array, case: Case) -> Iterator[str]:
    terms, name = TERMS[case.loss_parts.kind](p, case.y), TERM[case.loss_parts.kind]
    total = float(terms.sum())
    yield f"the terms {name}: {array(terms)}"
    c = case.loss_scale
    yield f"c times their sum, {_scale(case)}: {number(c)} · {number(total)} = {number(total * c)}"


TERM = {
    "squared_error": "(p - y)²",
    "cross_entropy": "-y log p, where 0 log 0 = 0",
    "binary_cross_entropy": "-(y log p + (1 - y) log(1 - p)), where 0 log 0 = 0",
}


def _scale(case: Case) -> str:
    """The loss's scale c, as its name says it."""
    parts, (n, k) = case.loss_parts, case.y.shape
    two = "2 " if parts.factor == 0.5 else ""
    if parts.reduction == "sum":
        return f"c = {'1/2' if two else '1'}"
    if parts.reduction == "mean":
        return f"c = 1 / ({two}n), n = {n}" if two else f"c = 1 / n, n = {n}"
    return f"c = 1 / ({two}n k), n = {n}, k = {k}"


def _backward(case: Case) -> Iterator[str]:
    outputs = forward(case.weights, case.biases, case.x, case.activations)
    yield from _output_delta(case, outputs[-1])
    delta = output_delta(outputs[-1], case.y, case.activations[-1], case.loss)
    for i in range(case.depth, 0, -1):
        yield from _product(f"dW[{i}] = delta[{i}]ᵀ a[{i - 1}]", delta.T, outputs[i - 1])
        yield f"db[{i}] = delta[{i}] summed over the samples = {array(delta.sum(axis=0))}"
        if i > 1:
            name, before = case.activations[i - 2], f"[{i - 1}]"
            yield from _product(f"dL/da{before} = delta[{i}] W[{i}]", delta, case.weights[i - 1])
            back = delta @ case.weights[i - 1]
            delta = times_derivative(back, outputs[i - 1], name)
            yield from _times_slope(f"delta{before}", f"dL/da{before}", name, f"z{before}", outputs[i - 1], delta)


def _times_slope(result: str, error: str, activation: str, z: str, a: Array, delta: Array) -> Iterator[str]:
    """delta = (dL/da) g'(z), entry by entry."""
    if activation == "identity":
        yield f"{result} = {error} = {array(delta)}"
        return
    yield f"{activation}'({z}) = {array(times_derivative(np.ones_like(a), a, activation))}"
    yield f"{result} = {error} * {activation}'({z}), entry by entry = {array(delta)}"


def _output_delta(case: Case, p: Array) -> Iterator[str]:
    """The last layer's delta."""
    L, activation, kind = case.depth, case.activations[-1], case.loss_parts.kind
    delta = output_delta(p, case.y, activation, case.loss)
    if kind == "cross_entropy" or (kind, activation) == ("binary_cross_entropy", "sigmoid"):
        yield f"delta[{L}] = dL/dz[{L}] = c (p - y), {_scale(case)}: {array(delta)}"
        return
    slope = "2 c (p - y)" if kind == "squared_error" else "c (p - y) / (p (1 - p))"
    v = loss_gradient(p, case.y, case.loss)
    yield f"v = dL/dp = {slope}, {_scale(case)}: {array(v)}"
    if activation == "softmax":
        yield f"delta[{L}] = p * (v - the sum of p * v over the row) = {array(delta)}"
    else:
        yield from _times_slope(f"delta[{L}]", "v", activation, f"z[{L}]", p, delta)


def _step(case: Case) -> Iterator[str]:
    yield f"alpha = {number(case.learning_rate)}"
    for quantity, w, gradient in case.steps():
        name = f"{quantity.kind.removeprefix('step_')}[{quantity.layer}]"
        stepped = array(w - case.learning_rate * gradient)
        yield f"{name} - alpha d{name} = {array(w)} - alpha {array(gradient)} = {stepped}"
