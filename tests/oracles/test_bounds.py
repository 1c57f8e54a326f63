"""`oracles.bounds`: an adversary who rounds as badly as he may reaches the bound, and never passes it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backproof.oracles.bounds import JAX, NUMPY, TORCH, bounds
from backproof.oracles.bounds.network import stack_bounds
from backproof.oracles.bounds.propagation import LARGEST_POWER
from backproof.oracles.bounds.roundoff import Roundoff
from backproof.oracles.bounds.rows import positive_sum_error, sum_error
from backproof.oracles.case import Case, Quantity
from backproof.oracles.draw import Architecture, draw_case
from backproof.oracles.exact import exact_answer
from backproof.oracles.powers import common_power
from backproof.oracles.profiles import DRAWN
from backproof.oracles.stack import stacks
from backproof.oracles.strategies import networks
from backproof.reference_impl.losses import loss
from backproof.reference_impl.network import backward
from tests.oracles.rounding import Rounding, evaluate, toy_arithmetic

# Cases of up to so many numbers: the simulation rounds each product on its own.
LARGEST = 600

# What float64 itself does to the exact values and to the simulation, relatively.
NOISE = 1e-14


def worst_ratio(case: Case, exact, allowed, fl: Rounding, forward: Rounding | None = None) -> dict[str, float]:
    """For each kind of quantity the largest error / bound of a simulated evaluation."""
    with np.errstate(all="ignore"):
        found = evaluate(case, fl, forward)
        worst: dict[str, float] = {}
        for quantity, value in found.items():
            error = np.abs(value - exact[quantity])
            ratio = np.where(error <= NOISE * np.abs(exact[quantity]), 0, error / allowed[quantity])
            ratio = np.where(np.isfinite(allowed[quantity]), ratio, 0)
            worst[quantity.kind] = max(worst.get(quantity.kind, 0.0), float(ratio.max()))
    return worst


def _roundings(name: str, *numbers) -> list[tuple[Rounding, Rounding]]:
    """How to round the case of that name, and its outputs; to round exact outputs the wrong way is permitted to nobody.

    numbers: bits and the like.
    """
    nearest, wrong = Rounding(numbers[0], "nearest", 0, *numbers[1:]), Rounding(numbers[0], "wrong", 0, *numbers[1:])
    return [(nearest, nearest), (wrong, nearest if ":integers:" in name else wrong)]


@pytest.mark.parametrize("bits", [7, 24, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.parametrize("profile", DRAWN)
def test_no_evaluation_passes_the_bound(profile, bits, complex_step_oracle):
    """Neither rounding to nearest nor rounding the wrong way, from bfloat16's precision to float32's."""
    cases = [case for case in (draw_case(1, i, profile) for i in range(60)) if case.size <= LARGEST]
    for case, exact in zip(cases, complex_step_oracle.answers(cases), strict=True):
        (found,) = bounds([case], [toy_arithmetic(bits)])
        for fl, forward in _roundings(case.name, bits):
            ratios = worst_ratio(case, exact, found.allowances[0], fl, forward)
            assert max(ratios.values()) <= 1 + 1e-6, (case, fl.mode, ratios)


@pytest.mark.long
@pytest.mark.parametrize(
    ("bits", "operand_bits", "accumulation_bits"),
    [(24, 11, None), (8, None, 24), (11, None, 24), (12, 7, 20)],
    ids=["tf32", "bfloat16", "float16", "all three"],
)
def test_products_with_an_arithmetic_of_their_own(bits, operand_bits, accumulation_bits, complex_step_oracle):
    """Rounded operands and finer accumulation are bounded too, and the bound of the products is nearly reached."""
    cases = [case for case in (draw_case(2, i) for i in range(120)) if case.size <= LARGEST]
    arithmetic = toy_arithmetic(bits, operand_bits, accumulation_bits)
    worst: dict[str, float] = {}
    for case, exact in zip(cases, complex_step_oracle.answers(cases), strict=True):
        (found,) = bounds([case], [arithmetic])
        for fl, forward in _roundings(case.name, bits, operand_bits, accumulation_bits):
            for kind, ratio in worst_ratio(case, exact, found.allowances[0], fl, forward).items():
                assert ratio <= 1 + 1e-6, (case, fl.mode, kind)
                worst[kind] = max(worst.get(kind, 0.0), ratio)
    assert worst["output"] > 0.4


def test_integers_are_exact_where_operands_are():
    """TF32 keeps integers up to 2^11: below that an output is allowed nothing, above it something."""
    tf32 = replace(NUMPY["float32"], operand_roundoff=2.0**-11)
    small, large = (_one_layer(np.array([[number]]), np.array([[3.0]])) for number in (5.0, 4097.0))
    allowed = [found.allowances[0][Quantity("output", 1)] for found in bounds([small, large], [tf32])]
    assert [bool(array.any()) for array in allowed] == [False, True]


def test_bound_is_reached(complex_step_oracle):
    """The adversary comes near the bound, and for outputs to it: nobody could promise less."""
    cases = [case for case in (draw_case(3, i, "kinks") for i in range(400)) if case.size <= 100]
    worst: dict[str, float] = {}
    for case, exact in zip(cases, complex_step_oracle.answers(cases), strict=True):
        (found,) = bounds([case], [toy_arithmetic(30)])
        for seed in range(5):
            for kind, ratio in worst_ratio(case, exact, found.allowances[0], Rounding(30, "wrong", seed)).items():
                worst[kind] = max(worst.get(kind, 0.0), ratio)
    assert worst["output"] > 0.99
    assert worst["dW"] > 0.85
    assert worst["db"] > 0.85
    assert worst["loss"] > 0.6


@pytest.mark.parametrize("signs", ["positive", "mixed"])
def test_sums_reach_their_bound(signs):
    """Largest terms first, and every addition rounded the wrong way: to the bound for terms of one sign, not past it.

    With both signs the bound takes every partial sum for as large as the largest one.
    """
    bits, rng = 20, np.random.default_rng(0)
    u, r = 2.0**-bits, Roundoff.of(toy_arithmetic(bits))
    worst = 0.0
    for _ in range(200):
        terms = np.sort(rng.exponential(size=rng.integers(2, 40)))[::-1]
        terms = terms if signs == "positive" else np.concatenate([terms, -0.9 * terms[::-1]])
        computed = terms[0]
        for term in terms[1:]:
            computed = (computed + term) * (1 + u / (1 + u))
        error, (magnitude, total) = abs(computed - terms.sum()), (np.abs(terms).sum(), abs(terms.sum()))
        allowed = sum_error(r, magnitude, total, terms.size - 1)
        if signs == "positive":
            allowed = min(allowed, positive_sum_error(r, terms.copy(), terms.size) - 4 * u * magnitude)
        worst = max(worst, error / allowed)
    assert (0.98 if signs == "positive" else 0.5) < worst <= 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_integers_have_outputs_of_the_bound_zero(dtype):
    """Exactness is proven: nothing at all is allowed, in float32 too; loss and gradients are allowed some roundings."""
    cases, u = [draw_case(0, i, "integers").cast(dtype) for i in range(300)], NUMPY[dtype].unit_roundoff
    for case, found in zip(cases, bounds(cases, [NUMPY[dtype]]), strict=True):
        exact = exact_answer(case).values
        for quantity, allowed in found.allowances[0].items():
            if quantity.kind == "output":
                assert (allowed == 0).all()
            elif quantity in exact:
                value = np.abs(exact[quantity])
                assert (allowed >= u * value).all(), (case, quantity)
                assert (allowed <= 1024 * u * value.max()).all() or not value.any(), (case, quantity)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_subnormals_are_not_exact(dtype, complex_step_oracle):
    """A product of exact numbers may be too small to be written: half of three times the smallest one, for a start."""
    smallest = float(np.finfo(dtype).smallest_subnormal)
    case = Case(
        (np.array([[0.5]]),), (np.array([0.0]),), np.array([[3 * smallest]]), np.array([[0.0]]), ("identity",),
        "half_squared_error_sum", 0.5,
    ).cast(dtype)  # fmt: skip
    found, (answer,) = bounds([case], [NUMPY[dtype]])[0].allowances[0], complex_step_oracle.answers([case])
    for quantity in (Quantity("output", 1), Quantity("db", 1)):
        assert np.all(found[quantity] > 0)
        assert np.all(np.abs(answer[quantity]) <= found[quantity])  # so that 0 is right as well
    stepped = replace(case, biases=(np.array([3 * smallest]).astype(dtype),))
    assert bounds([stepped], [NUMPY[dtype]])[0].allowances[0][Quantity("step_b", 1)] > 0


def test_integers_too_large_are_not_exact():
    """The proof looks at magnitudes: above 2^24 float32 rounds, and the bound knows."""
    case = _one_layer(np.array([[4097.0]]), np.array([[4097.0]]))  # the square is just above 2^24
    found = bounds([case], [NUMPY["float64"], NUMPY["float32"]])[0]
    float64, float32 = (allowed[Quantity("output", 1)] for allowed in found.allowances)
    assert (float64 == 0).all()
    assert (float32 > 0).all()


def _one_layer(x, W, activation="identity", loss="squared_error_sum") -> Case:
    n, k = x.shape[0], W.shape[0]
    return Case((W,), (np.zeros(k),), x, np.zeros((n, k)), (activation,), loss, 0.5)


@pytest.mark.parametrize("kind", ["loss", "dW", "output", "step_W"])
def test_what_may_underflow_is_not_exact(kind):
    """Below the smallest normal number something is allowed, and little; above it no output, and some roundings else.

    Products of integers times a small power of two are exact.
    """

    def allowed(power: float):
        one = np.ones((1, 1))
        case = Case((power * one,), (np.zeros(1),), one, 0 * one, ("relu",), "half_squared_error_sum", 2.0**-10)
        (found,) = bounds([case.cast("float32")], [NUMPY["float32"]])
        exact = exact_answer(case.cast("float64")).values
        value = max(float(np.max(np.abs(value))) for quantity, value in exact.items() if quantity.kind == kind)
        return max(
            float(np.max(size)) for quantity, size in found.allowances[0].items() if quantity.kind == kind
        ), value

    (above, value), (below, _) = allowed(2.0**-10), allowed(2.0**-149)
    assert above == 0 if kind == "output" else 0 < above <= 20 * 2.0**-24 * value
    assert 0 < below <= 20 * np.finfo(np.float32).smallest_normal


def test_exact_kink_is_decided():
    """A pre-activation that is 0 because all its terms are 0 has a certain side; one that merely may be 0 has none."""
    certain = _one_layer(np.array([[0.0, 0.3]]), np.array([[0.7, 0.0]]), "relu")
    cancels = _one_layer(np.array([[0.1, 0.3]]), np.array([[0.3, -0.1]]), "relu")
    assert [found.undecided for found in bounds([certain, cancels], [NUMPY["float64"]])] == [(0,), (1,)]


def test_undecided_neuron_allows_both_sides():
    """Next to a kink the gradient with and without the neuron is allowed, and nothing much beyond."""
    case = _one_layer(np.array([[0.1, 0.3]]), np.array([[0.3, -0.1]]), "relu")
    case.y[:] = -1.0
    (found,) = bounds([case], [NUMPY["float64"]])
    assert (found.allowances[0][Quantity("db", 1)] >= 2).all()
    assert (found.allowances[0][Quantity("db", 1)] < 2.01).all()


def test_loss_that_may_be_infinite_is_not_bounded():
    """Where rounding may take a probability to 0, nothing can be said about its logarithm."""
    case = Case(
        (np.array([[800.0], [0.0]]),), (np.zeros(2),), np.ones((1, 1)), np.array([[0.0, 1.0]]), ("softmax",),
        "cross_entropy_sum", 0.5,
    )  # fmt: skip
    (found,) = bounds([case], [NUMPY["float64"]])
    assert np.isinf(found.allowances[0][Quantity("loss")])
    assert np.isfinite(found.allowances[0][Quantity("dW", 1)]).all()


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize(("dtype", "bounded"), [("float64", True), ("float32", False)])
def test_division_by_a_probability_that_may_be_0_is_not_bounded(label, dtype, bounded):
    """Autodiff takes -y / p times p for the gradient, which is NaN where p underflows."""
    from backproof.oracles.torch_backends import TorchBackend

    case = Case(
        (np.array([[-200.0], [0.0], [0.0]]),), (np.zeros(3),), np.ones((1, 1)), np.array([[label, 0.0, 0.5]]),
        ("softmax",), "binary_cross_entropy_sum", 0.5,
    )  # fmt: skip
    (found,) = bounds([case.cast(dtype)], [TORCH[dtype]])
    (answer,) = TorchBackend(dtype).answers([case])
    for array in (found.allowances[0][Quantity("dW", 1)], answer[Quantity("dW", 1)]):
        assert bool(np.isfinite(array).all()) is bounded


def test_overflow_is_not_bounded():
    """What may overflow in float32 is not judged in float32."""
    case = _one_layer(np.array([[1e25]]), np.array([[1e25]]))
    found = bounds([case], [NUMPY["float64"], NUMPY["float32"]])[0]
    assert [bool(np.isfinite(sizes[Quantity("output", 1)]).all()) for sizes in found.allowances] == [True, False]


def test_softmax_of_what_overflows_is_not_bounded():
    """Of a z that becomes infinite, a softmax is NaN; one that is merely uncertain is still between 0 and 1."""
    for size, bounded in ((1e25, False), (3e3, True)):
        one = np.ones((1, 1))
        case = Case((size * one,), (np.zeros(1),), size * one, one, ("softmax",), "cross_entropy_sum", 0.5)
        (found,) = bounds([case.cast("float32")], [NUMPY["float32"]])
        assert bool(np.isfinite(found.allowances[0][Quantity("output", 1)]).all()) is bounded


@pytest.mark.parametrize(("dtype", "most"), [("float64", 1e-10), ("float32", 0.1)])
def test_deep_networks_are_bounded(dtype, most, complex_step_oracle):
    """Through 40 layers a bound says something, and holds: what is not linear keeps its signs, as rounding does."""
    widths, activations = (4, *[8] * 39, 3), [*["tanh", "relu", "identity"] * 13, "softmax"]
    case = Architecture(widths, tuple(activations), "cross_entropy_mean", 3).draw(0, 1).cast(dtype)
    (found,), (exact,) = bounds([case], [NUMPY[dtype]]), complex_step_oracle.answers([case.cast("float64")])
    dW, _ = backward(case.weights, case.biases, case.x, case.y, case.activations, case.loss)
    for t, value in enumerate(dW, 1):
        allowed, expected = found.allowances[0][Quantity("dW", t)], exact[Quantity("dW", t)]
        assert (np.abs(value - expected) <= allowed + NOISE * np.abs(expected)).all()
        assert np.linalg.norm(allowed) < most * np.linalg.norm(expected)


@given(networks(max_depth=2, max_width=3))
def test_shapes_and_signs(case):
    """A bound for every entry of every quantity, never negative, never NaN, and larger where precision is lower."""
    (found,) = bounds([case], [NUMPY["float64"], NUMPY["float32"], TORCH["float64"], JAX["float64"]])
    finer, coarser = found.allowances[:2]
    shapes = {Quantity("output", i): (case.n, k) for i, k in enumerate(case.widths)} | {Quantity("loss"): ()}
    for allowed in found.allowances:
        assert list(allowed) == list(case.quantities)
        for quantity, size in allowed.items():
            assert (size >= 0).all()
            assert size.shape == shapes.get(quantity, size.shape)
    for quantity in case.quantities:
        assert (finer[quantity] <= coarser[quantity]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_lenient_allows_no_less(dtype):
    """Of any single function's value; of what passes through networks the finer of two bounds counts."""
    for stack in stacks([draw_case(3, number).cast(dtype) for number in range(120)]):
        found = stack_bounds(stack, [NUMPY[dtype], replace(NUMPY[dtype], lenient=True)]).allowances
        for kind in found.keys() - {"output", "loss", "dW", "db"}:
            strict, lenient = found[kind]
            assert (lenient >= strict).all(), kind


def test_the_loss_of_a_given_prediction(complex_step_oracle):
    """Who is given p, exact but for a rounding, is allowed less than who computes it; and no less than that takes."""
    usual = NUMPY["float32"]
    cases = [draw_case(3, number, "saturated").cast("float32") for number in range(60)]
    found = bounds(cases, [usual, replace(usual, of_prediction=2.0**-16)])
    shares = []
    for case, each in zip(cases, found, strict=True):
        computed, given = (allowed[Quantity("loss")] for allowed in each.allowances)
        (exact,) = complex_step_oracle.answers([case.cast("float64")])
        p = exact[Quantity("output", case.depth)].astype(np.float32)
        with np.errstate(all="ignore"):
            error = abs(loss(p, case.y, case.loss) - exact[Quantity("loss")])
        assert error <= given or not np.isfinite(exact[Quantity("loss")])
        if 0 < computed < np.inf:
            shares.append(given / computed)
    assert max(shares) < 1.1
    assert np.median(shares) < 0.7
    assert min(shares) < 1e-3


def test_lenient_allows_absolute_errors():
    """The tanh form of the sigmoid, 1e-17 off where the sigmoid is 1e-18, passes leniently and not strictly."""
    case = _one_layer(np.array([[-41.0]]), np.array([[1.0]]), "sigmoid")
    a = 0.5 * (1 + np.tanh(-41.0 / 2))
    error = abs(a - np.exp(-41.0))
    strict, lenient = bounds([case], [NUMPY["float64"], replace(NUMPY["float64"], lenient=True)])[0].allowances
    for quantity in (Quantity("output", 1), Quantity("sigmoid")):
        assert strict[quantity].max() < error < lenient[quantity].min()


@pytest.mark.long
def test_gradients_are_allowed_little():
    """On half of ordinary networks a gradient entry may be off by 1e-13 of itself at most, on 99 % by 1e-9."""
    rng, relative = np.random.default_rng(0), []
    for case in (draw_case(7, i, "ordinary") for i in range(400)):
        (found,) = bounds([case], [NUMPY["float64"], TORCH["float64"]])
        exact = evaluate(case, Rounding(52, "nearest", 0)) if case.size <= LARGEST else None
        if exact is None:
            continue
        gradients = [quantity for quantity in case.quantities if quantity.kind in ("dW", "db")]
        values = np.concatenate([np.ravel(exact[quantity]) for quantity in gradients])
        allowed = np.concatenate(
            [np.ravel(found.allowances[0][quantity] + found.allowances[1][quantity]) for quantity in gradients]
        )
        if (entries := np.flatnonzero(np.abs(values) > 1e-290)).size:
            entry = rng.choice(entries)
            relative.append(allowed[entry] / abs(values[entry]))
    assert len(relative) > 150
    assert np.median(relative) < 1e-13
    assert np.quantile(relative, 0.99) < 1e-9


@given(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=5), st.integers(-30, 30))
def test_common_power(whole, exponent):
    """It divides all entries, and twice of it does not."""
    array = np.array(whole) * 2.0**exponent
    power = common_power(LARGEST_POWER, array)
    if array.any():
        assert (array / power == np.round(array / power)).all()
        assert (array / power % 2 == 1).any()
    else:
        assert power == LARGEST_POWER
