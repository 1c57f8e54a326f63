"""`oracles.stack`: nothing of a network depends on what it is stacked with, or on its padding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.oracles.bounds import JAX, NUMPY, bounds, propagation
from backproof.oracles.bounds.network import stack_bounds
from backproof.oracles.case import OF_INPUT, Case, Quantity
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import DRAWN
from backproof.oracles.stack import BATCHES, WIDTHS, in_a_line, shape_of, stack_of, stacks
from backproof.oracles.strategies import networks
from tests.quick import first


def extreme(depth: int, width: int, n: int) -> Case:
    """A network with the same width everywhere."""
    rng = np.random.default_rng([depth, width, n])
    names = ("tanh", "relu", "sigmoid", "identity")
    return Case(
        tuple(rng.standard_normal((width, width)) / width**0.5 for _ in range(depth)),
        tuple(rng.standard_normal(width) for _ in range(depth)),
        rng.standard_normal((n, width)),
        rng.random((n, width)),
        (*(names[i % 4] for i in range(depth - 1)), "sigmoid"),
        "binary_cross_entropy_mean",
        0.25,
    )


EDGES = [extreme(depth, width, n) for depth in (1, 8) for width in (1, 64) for n in (1, 32)]


@pytest.fixture(scope="module")
def crowd():
    """The edges, among networks of all profiles."""
    return [*EDGES, *(draw_case(11, i) for i in range(60))]


def test_every_case_is_in_one_stack(crowd):
    found = [number for stack in stacks(crowd) for number in stack.numbers]
    assert sorted(found) == list(range(len(crowd)))
    for stack in stacks(crowd):
        assert len(stack.cases) <= stack.shape.capacity
        assert {shape_of(case) for case in stack.cases} == {stack.shape}
        assert all(crowd[number] is case for number, case in zip(stack.numbers, stack.cases, strict=True))


def test_larger_than_all_steps():
    """Past the largest step the next power of two."""
    assert shape_of(extreme(9, max(WIDTHS) + 1, max(BATCHES) + 1)) == (128, 64)


@given(st.lists(networks(), min_size=1, max_size=5))
def test_split_takes_joined_apart(cases):
    """Flat numbers are the arrays in a line, and padded ones too."""
    for stack in stacks(cases):
        answers = [
            {quantity: np.random.default_rng(i).random(shape) for quantity, shape in case.shapes.items()}
            for i, case in enumerate(stack.cases)
        ]
        flat = stack.joined(answers)
        assert {kind: len(line) for kind, line in flat.items()} == {k: s.sum() for k, s in stack.sizes.items()}
        for answer, again in zip(answers, stack.split(flat), strict=True):
            assert list(again) == list(answer)
            assert all(np.array_equal(answer[quantity], again[quantity]) for quantity in answer)
        for kind, line in flat.items():
            padded = stack.layouts[kind].padded(line, stack.array_shape(kind))
            assert (padded != 0).sum() == (line != 0).sum()
            assert np.array_equal(stack.flat({kind: padded})[kind], line)


@pytest.mark.parametrize("name", first(1, ["torch", "jax"]))
def test_answers_do_not_depend_on_the_company(name, crowd, request):
    """Alone or among others, an answer is the same within its own bound; where that is 0, to the last bit."""
    oracle = request.getfixturevalue(f"{name}_oracle")
    for case, answer in zip(crowd, oracle.answers(crowd), strict=True):
        (alone,) = oracle.answers([case])
        (allowed,) = bounds([case], [oracle.arithmetic])[0].allowances
        for quantity, bound in allowed.items():
            difference = np.abs(answer[quantity] - alone[quantity])
            assert (difference <= 2 * bound).all(), (case, quantity)


def test_bounds_do_not_depend_on_the_company(crowd):
    """Alone or among others, with more padding or less."""
    for stack in stacks(crowd):
        together = stack_bounds(stack, [NUMPY["float64"], NUMPY["float32"]])
        for s, case in enumerate(stack.cases):
            alone = stack_bounds(
                stack_of([case], [0], stack.shape),
                [NUMPY["float64"], NUMPY["float32"]],
            )
            assert np.array_equal(together.undecided[:, s], alone.undecided[:, 0])
            for kind, size in stack.sizes.items():
                end = int(np.cumsum(size)[s])
                found, expected = together.allowances[kind][:, end - size[s] : end], alone.allowances[kind]
                assert np.allclose(found, expected, rtol=1e-9, atol=0), (case, kind)


@pytest.mark.long
def test_shared_bounds_hold_for_each(crowd, monkeypatch):
    """They are no narrower than an arithmetic's own, and the same where it is alone, and at the input.

    By sizes alone, that is: the wider one's errors may be followed where the narrower one's need not be.
    """
    for limit in ("COARSE", "COARSEST"):
        monkeypatch.setattr(propagation, limit, np.inf)
    arithmetics = [JAX["float64"], NUMPY["float32"], NUMPY["float64"]]
    wider = 0
    for stack in stacks(crowd):
        own, shared = (stack_bounds(stack, arithmetics, shared=bool(flag)) for flag in (0, 1))
        assert (shared.undecided >= own.undecided).all()
        for kind in stack.sizes:
            fine, coarse = own.allowances[kind], shared.allowances[kind]
            assert (coarse >= fine * (1 - 1e-12)).all()
            assert np.array_equal(coarse[1], fine[1])
            if kind in OF_INPUT or kind.startswith("step"):
                assert np.array_equal(coarse, fine)
            wider += int((coarse[2] > fine[2]).sum())
    assert wider > 0


@pytest.mark.parametrize("profile", DRAWN)
def test_following_errors_only_narrows_the_bound(profile, monkeypatch):
    """Where errors are followed only if sizes say little, the bound is nearly that where they always are.

    (What is followed for few networks is not compiled, and its exponentials differ in the last digit.)
    """
    arithmetics = [NUMPY["float64"]]
    growth = []
    for stack in stacks([draw_case(4, i, profile) for i in range(60)]):
        usual = stack_bounds(stack, arithmetics)
        with monkeypatch.context() as always:
            always.setattr(propagation, "COARSE", -1)
            followed = stack_bounds(stack, arithmetics)
        for kind in ("output", "loss", "dW", "db"):
            fine, coarse = followed.allowances[kind], usual.allowances[kind]
            comparable = np.isfinite(fine) & np.isfinite(coarse) & (fine > 0)
            growth.append(coarse[comparable] / fine[comparable])
            assert (coarse[fine == 0] == 0).all()
            assert (fine <= coarse * (1 + 1e-15)).all()
    growth = np.concatenate(growth)
    if growth.size:
        assert np.median(growth) < 3


def _checked(cases, oracle) -> float:
    """The share of dW's entries that are allowed a thousandth of the largest of their array at most."""
    found = [one.allowances[0] for one in bounds(cases, [NUMPY[cases[0].dtype]])]
    values = oracle.answers([case.cast("float64") for case in cases])
    shares = [
        allowed[quantity] <= 1e-3 * np.abs(value).max()
        for allowed, answer in zip(found, values, strict=True)
        for quantity, value in answer.items()
        if quantity.kind == "dW"
    ]
    return float(np.concatenate(shares, axis=None).mean())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_errors_are_followed_where_their_sizes_say_little(dtype, complex_step_oracle, monkeypatch):
    """As much is checked as where they always are; in float32 it would not if none were."""
    cases = [draw_case(5, i, "ordinary").cast(dtype) for i in range(60)]
    usual = _checked(cases, complex_step_oracle)
    monkeypatch.setattr(propagation, "COARSE", -1)
    always = _checked(cases, complex_step_oracle)
    monkeypatch.setattr(propagation, "AFFORDABLE", 0)
    never = _checked(cases, complex_step_oracle)
    assert always > 0.9
    assert usual > always - 0.001
    assert (never < always - 0.05) == (dtype == "float32")


def test_nothing_is_said_about_a_dead_neuron_that_nan_arrives_at():
    """Where a gradient that nobody knows meets a slope of 0, honest evaluations have 0 or NaN."""
    weights = np.array([[1.0], [-1.0]]), np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    biases = np.zeros(2), np.zeros(2)
    x, y = np.array([[1.0]]), np.array([[0.5, 0.5]])
    case = Case(weights, biases, x, y, ("relu", "softmax"), "binary_cross_entropy_sum", 0.5)
    (found,) = bounds([case], [NUMPY["float64"]])
    assert np.isinf(found.allowances[0][Quantity("dW", 1)]).all()
    assert np.isinf(found.allowances[0][Quantity("db", 1)]).all()


@pytest.mark.parametrize(
    "arrays",
    [
        [np.arange(6.0).reshape(2, 3), np.array(7.0), np.array([8.0])],
        [np.arange(6.0).reshape(2, 3).T, np.arange(5.0)[::-1], np.arange(8.0)[::2]],
        [np.arange(3, dtype="float32"), np.arange(2.0)],
        [np.arange(3, dtype="float32"), np.ones((2, 2), "float32")],
    ],
    ids=["in one piece", "turned and in pieces", "of two dtypes", "float32"],
)
def test_in_a_line(arrays):
    """Row by row, whatever way they are kept."""
    line, expected = in_a_line(arrays), np.concatenate([array.ravel() for array in arrays])
    assert line.dtype == expected.dtype
    assert np.array_equal(line, expected)


def test_steps_are_tried_with_entries_reversed(crowd):
    """In a stack as in each case."""
    for stack in stacks(crowd):
        gradients = [case.step_gradients() for case in stack.cases]
        for part, line in enumerate((stack.lines.step_weights, stack.lines.step_biases)):
            assert np.array_equal(line, in_a_line([array for both in gradients for array in both[part]]))
