"""`grader.worked`: the arithmetic of right answers, which is itself right."""

import re

import numpy as np
import pytest

from backproof import reference_impl
from backproof.grader.worked import ENTRIES_SHOWN, array, number, steps
from backproof.oracles.case import Case
from backproof.oracles.draw import draw_case
from backproof.reference_impl.contract import FUNCTIONS, LOSSES, OUTPUT_ACTIVATIONS, find_loss

SMALL = Case(
    (np.array([[1.0, -2], [0, 1]]), np.array([[1.0, 2], [3, -1]])),
    (np.array([1.0, 0]), np.array([0.0, 0])),
    np.array([[1.0, 2]]),
    np.array([[1.0, 0]]),
    ("relu", "sigmoid"),
    "half_squared_error_mean",
    0.1,
)


def evaluate(sum_of_products):
    """The value of a line's arithmetic."""
    return eval(sum_of_products.replace("·", "*").replace("²", "**2").replace("e^", "2.718281828459045**"))


@pytest.mark.parametrize("function", ["sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime"])
def test_single_numbers(function):
    """Each line is an equation that holds, and says what the function gives."""
    right = getattr(reference_impl, function)(SMALL.x)
    lines = steps(function, SMALL, SMALL.y)
    assert len(lines) == SMALL.x.size
    for (index, value), line in zip(np.ndenumerate(right), lines, strict=True):
        name, middle, result = line.rsplit(" = ", 1)[0].partition(" = ")[0], *line.split(" = ", 1)[1].rsplit(" = ", 1)
        assert name == f"{function}(z){list(index)}"
        assert float(result) == pytest.approx(value, rel=1e-5)
        if "tanh" not in middle:
            assert evaluate(middle) == pytest.approx(value, rel=1e-4, abs=1e-5)


def test_sums_of_products():
    """Every entry that is written out is the sum of what stands there."""
    lines = [line.strip() for line in steps("backward", SMALL, SMALL.y) if re.match(r" +\[\d", line)]
    assert len(lines) > 10
    for line in lines:
        total, result = line.split(": ")[1].split(" = ")
        assert evaluate(total) == pytest.approx(float(result), rel=1e-4, abs=1e-6)


def test_the_result_is_the_gradient():
    grad_weights, grad_biases = reference_impl.backward(
        SMALL.weights, SMALL.biases, SMALL.x, SMALL.y, SMALL.activations, SMALL.loss
    )
    text = "\n".join(steps("backward", SMALL, SMALL.y))
    for i in (1, 2):
        assert re.search(rf"^dW\[{i}\] = .* = {re.escape(array(grad_weights[i - 1]))}$", text, re.MULTILINE)
        assert re.search(rf"^db\[{i}\] = .* = {re.escape(array(grad_biases[i - 1]))}$", text, re.MULTILINE)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_and_output(loss):
    """There is a line for every case of the last layer, and for the loss."""
    for output in OUTPUT_ACTIVATIONS[find_loss(loss).kind]:
        case = Case(SMALL.weights, SMALL.biases, SMALL.x, SMALL.y, ("relu", output), loss, 0.1)
        prediction = reference_impl.forward(case.weights, case.biases, case.x, case.activations)[-1]
        value = reference_impl.loss(prediction, case.y, loss)
        assert steps("loss", case, prediction)[-1].endswith(f"= {number(value)}")
        delta = [line for line in steps("backward", case, prediction) if line.startswith("delta[2]")]
        grad_biases = reference_impl.backward(case.weights, case.biases, case.x, case.y, case.activations, loss)[1]
        assert delta[0].endswith(array(grad_biases[1][None, :]))


def test_large_arrays_are_not_written_out():
    case = next(case for case in (draw_case(0, i) for i in range(100)) if case.x.size > ENTRIES_SHOWN)
    for function in FUNCTIONS:
        assert len(steps(function, case, case.y)) <= 12 * case.depth + case.n


def test_numbers():
    assert [number(v) for v in (0.0, -0.0, 3.0, 1 / 3, 1e-20)] == ["0", "0", "3", "0.333333", "1e-20"]
    assert array(np.array([[1.0, -0.5]])) == "[[1, -0.5]]"
