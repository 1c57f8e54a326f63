"""`oracles.certified`: the balls contain the exact values, and an error in any formula would be seen."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb

from backproof.oracles import certified
from backproof.oracles.bounds import NUMPY, TORCH, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.certified import CertifiedOracle, Enclosure, enclose
from backproof.oracles.draw import draw_case
from backproof.oracles.profiles import DRAWN
from tests.quick import first


def rational_answer(case: Case) -> dict[Quantity, np.ndarray]:
    """A network of identity and ReLU under a squared error, in Fractions; without what is not rational."""
    rational = np.vectorize(Fraction, otypes=[object])
    weights, biases, y = [rational(W) for W in case.weights], [rational(b) for b in case.biases], rational(case.y)
    scale = Fraction(case.loss_parts.factor)
    scale /= {"sum": 1, "mean": case.n, "entry_mean": case.n * case.widths[-1]}[case.loss_parts.reduction]
    z, a = [], [rational(case.x)]
    for W, b, g in zip(weights, biases, case.activations, strict=True):
        z.append(a[-1].dot(W.T) + b)
        a.append(np.where(z[-1] > 0, z[-1], Fraction(0)) if g == "relu" else z[-1])
    found = {Quantity("output", i): output for i, output in enumerate(a)}
    found[Quantity("loss")] = np.array(scale * ((a[-1] - y) ** 2).sum())
    arriving = 2 * scale * (a[-1] - y)
    for i in range(case.depth, 0, -1):
        delta = arriving * (z[i - 1] > 0) if case.activations[i - 1] == "relu" else arriving
        found[Quantity("dW", i)], found[Quantity("db", i)] = delta.T.dot(a[i - 1]), delta.sum(axis=0)
        arriving = delta.dot(weights[i - 1])
    for quantity, w, g in case.steps():
        found[quantity] = rational(w) - Fraction(case.learning_rate) * rational(g)
    x = rational(case.x)
    return found | {Quantity("relu"): x * (x > 0), Quantity("relu_prime"): rational((case.x > 0) * 1)}


def contains(enclosure: Enclosure, quantity: Quantity, exact: np.ndarray) -> bool:
    """Whether all entries lie in their balls, in exact arithmetic."""
    parts = (np.ravel(answer[quantity]) for answer in (enclosure.high, enclosure.low, enclosure.radius))
    return all(
        abs(Fraction(high) + Fraction(low) - value) <= Fraction(radius)
        for high, low, radius, value in zip(*parts, np.ravel(exact), strict=True)
    )


def assert_contains_rationals(networks: int) -> None:
    """On integer networks every ball contains the rational value, and has no radius: there is nothing to round."""
    for i in range(networks):
        case = draw_case(0, i, "integers")
        enclosure = enclose(case)
        for quantity, exact in rational_answer(case).items():
            assert contains(enclosure, quantity, exact), (case, quantity)
        assert not any(enclosure.radius[Quantity("dW", i + 1)].any() for i in range(case.depth))


def distances(case: Case, oracle, arithmetic) -> dict[Quantity, float]:
    """How far another oracle's answers are from the truth at most, in units of what they may be."""
    (answer,) = oracle.answers([case])
    (allowed,) = bounds([case], [arithmetic])[0].allowances
    enclosure = enclose(case, allowed)
    found = {}
    for quantity, values in answer.items():
        _, most = enclosure.distance(quantity, values)
        known = np.isfinite(allowed[quantity])
        beyond = most[known] - np.finfo(np.float64).smallest_subnormal
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(beyond <= 0, 0.0, beyond / allowed[quantity][known])
        found[quantity] = float(ratio.max(initial=0.0))
    return found


def assert_others_are_near(networks: int, torch_oracle, complex_step_oracle) -> None:
    """PyTorch and complex-step answers lie within their own bounds of the truth, on every profile."""
    for profile in DRAWN:
        for i in range(networks):
            case = draw_case(1, i, profile)
            for oracle, arithmetic in ((torch_oracle, TORCH["float64"]), (complex_step_oracle, NUMPY["float64"])):
                worst = distances(case, oracle, arithmetic)
                assert max(worst.values()) <= 1.02, (case, oracle.name, worst)


@pytest.mark.parametrize("networks", first(1, (300, 1000)))
def test_contains_the_exact_rationals(networks):
    assert_contains_rationals(networks)


@pytest.mark.long
def test_others_are_near(torch_oracle, complex_step_oracle):
    assert_others_are_near(25, torch_oracle, complex_step_oracle)


def test_relu_at_zero_is_seen(monkeypatch):
    """relu' = 1 at exactly 0 contradicts the rationals."""

    def wrong(z):
        return (z, arb(1)) if z >= 0 else (arb(0), arb(0))

    monkeypatch.setitem(certified.ACTIVATION, "relu", wrong)
    with pytest.raises(AssertionError):
        assert_contains_rationals(150)


def kink() -> Case:
    """tanh(1) - tanh(1) into a ReLU: exactly 0, which no finite precision can tell."""
    weights = (np.ones((2, 1)), np.array([[1.0, -1.0]]), np.ones((1, 1)))
    biases = (np.zeros(2), np.zeros(1), np.zeros(1))
    return Case(
        weights, biases, np.ones((1, 1)), np.ones((1, 1)), ("tanh", "relu", "identity"), "squared_error_sum", 1.0
    )


def test_undecidable_kink():
    """The neuron is counted, and the balls take in both answers, and no more."""
    enclosure = enclose(kink(), most_bits=512)
    assert (enclosure.undecided, enclosure.bits) == (1, 512)
    for slope, inside in ((0.0, True), (1.0, True), (-0.001, False), (1.001, False)):
        least, _ = enclosure.distance(Quantity("db", 2), np.array([-2.0 * slope]))
        assert (least == 0) == inside
    least, most = enclosure.distance(Quantity("db", 3), np.array([-2.0]))
    assert (least, most < 1e-100) == (0, True)


def test_no_logarithm_of_a_certain_zero():
    """A softmax of one output is 1: with the label 1 its loss is 0, and 0 log 0 no part of it."""
    one = np.ones((1, 1))
    case = Case((one,), (np.zeros(1),), one, one, ("softmax",), "binary_cross_entropy_sum", 1.0)
    enclosure = enclose(case, most_bits=128)
    assert (enclosure.high[Quantity("loss")], enclosure.radius[Quantity("loss")]) == (0, 0)


def test_precision_is_doubled_until_balls_are_small():
    """A difference of nearly equal numbers needs more bits than 128, and gets them."""
    case = replace(kink(), weights=(np.array([[1.0], [1 + 2.0**-52]]), *kink().weights[1:]))
    hard = replace(case, weights=(case.weights[0] * 60, *case.weights[1:]))
    assert enclose(case).bits == 128
    found = enclose(hard)
    assert found.bits > 128
    assert found.undecided == 0
    assert found.high[Quantity("output", 2)] == 0
    assert (enclose(hard, {q: np.full_like(v, np.inf) for q, v in found.high.items()})).bits >= 256


def test_distance():
    """Of values that are off by a known amount, at least and at most so much."""
    case = draw_case(0, 0)
    enclosure = enclose(case)
    quantity = Quantity("db", case.depth)
    exact = enclosure.high[quantity]
    least, most = enclosure.distance(quantity, exact * (1 + 2.0**-30))
    off = np.abs(exact * (1 + 2.0**-30) - exact)
    assert (least <= off + np.spacing(np.abs(exact))).all()
    assert (off - np.spacing(np.abs(exact)) <= most).all()
    assert np.allclose(least, most, rtol=1e-14, atol=0)
    assert np.isinf(enclosure.distance(quantity, exact * np.nan)).all()


def test_beyond_float64():
    """What no float64 reaches has an infinite radius, and no distance can be too large."""
    huge = np.full((1, 1), 1e200)
    case = Case((huge,), (np.zeros(1),), huge, np.ones((1, 1)), ("identity",), "squared_error_sum", 1.0)
    enclosure = enclose(case, most_bits=256)
    assert enclosure.radius[Quantity("output", 1)] == np.inf
    assert enclosure.distance(Quantity("output", 1), np.array([[np.inf]])) == (0, np.inf)


class TestOracle:
    """The exact values as a witness."""

    def test_rounded_once(self, complex_step_oracle):
        """Half of a last place from the exact value, and so from a long double's answer to little more."""
        cases = [draw_case(2, i, "ordinary") for i in range(20)]
        for case, answer, other in zip(
            cases, CertifiedOracle().answers(cases), complex_step_oracle.answers(cases), strict=True
        ):
            (allowed,) = bounds([case], [NUMPY["float64"]])[0].allowances
            for quantity, values in answer.items():
                assert values.dtype == np.float64
                assert (np.abs(values - other[quantity]) <= allowed[quantity] + np.spacing(np.abs(values)) / 2).all()

    def test_unknown_beside_a_kink(self):
        """What depends on a neuron that no precision decides is not a number."""
        (answer,) = CertifiedOracle().answers([kink()])
        unknown = {str(quantity) for quantity, values in answer.items() if np.isnan(values).any()}
        assert unknown == {"output[2]", "output[3]", "dW[1]", "dW[2]", "dW[3]", "db[1]", "db[2]"}

    def test_allows_what_the_implementation_is_allowed(self):
        """And half a last place, but where that must be exact."""
        from backproof.verification.judgement import judge_one

        for profile in ("ordinary", "integers"):
            case = draw_case(0, 0, profile)
            (own,) = bounds([case], [NUMPY["float64"]])[0].allowances
            for record in judge_one(case, "backproof.reference_impl", ["certified"]).records["certified"]:
                if record.coarse == record.entries:
                    continue
                limit = own[record.quantity][record.index] if record.index else own[record.quantity]
                assert limit <= record.allowed <= limit * (1 + 1e-9) + abs(record.expected) * 2.0**-53
                assert record.verdict == "agrees"
                assert record.allowed == 0 or limit > 0
