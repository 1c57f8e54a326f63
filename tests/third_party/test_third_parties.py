"""Programs from the package index verify as what they are: right, and where not, for a reason that is known."""

import numpy as np
import pytest

from backproof.oracles.case import DTYPES, Quantity
from backproof.oracles.draw import draw_case
from backproof.studies.inference.inference import infer
from backproof.verification.implementation import load_implementation
from backproof.verification.probes import probe_all

NAMES = ("scikit_learn", "scikit_learn_classifier", "hips_autograd", "micrograd_mlp")


class Judged:
    """An adapter's records on networks that suit it: of what was checked, and of what disagrees."""

    def __init__(self, name, dtype, oracle, grade="strict", numbers=range(72), largest=2000):
        self.implementation = load_implementation(f"tests.third_party.{name}")
        drawn = [case for case in (draw_case(2, i) for i in numbers) if case.size <= largest]
        self.probes = probe_all([self.implementation.suited(case.cast(dtype)) for case in drawn], oracle, grade)
        self.records = [
            (probe, record)
            for probe in self.probes
            for record in probe.records(probe.ask(self.implementation))
            if record.verdict != "unchecked"
        ]
        self.wrong = [(probe, record) for probe, record in self.records if record.verdict == "disagrees"]

    def checked(self, kind):
        return sum(record.quantity.kind == kind for _, record in self.records)


@pytest.mark.long
@pytest.mark.parametrize("dtype", DTYPES)
class TestScikitLearn:
    """MLPRegressor and MLPClassifier."""

    def test_regressor(self, dtype, torch_oracle):
        """Outputs and gradients are right; the loss is 1/k of what belongs to them, where there are k > 1 outputs."""
        judged = Judged("scikit_learn", dtype, torch_oracle)
        assert min(judged.checked(kind) for kind in ("output", "dW", "db")) > 100
        assert {record.quantity.kind for _, record in judged.wrong} == {"loss"}
        several = {probe.case.name for probe in judged.probes if probe.case.widths[-1] > 1}
        assert {probe.case.name for probe, _ in judged.wrong} <= several
        assert len(judged.wrong) > 0.95 * len(several)
        for probe, record in judged.wrong:
            assert record.got * probe.case.widths[-1] == pytest.approx(record.expected, rel=1e-4, abs=1e-30)

    def test_classifier(self, dtype, torch_oracle):
        """Outputs and gradients are right; the loss is clipped where a prediction is surer than one ulp."""
        judged = Judged("scikit_learn_classifier", dtype, torch_oracle)
        assert min(judged.checked(kind) for kind in ("output", "dW", "db", "loss")) > 40
        assert {record.quantity.kind for _, record in judged.wrong} <= {"loss"}
        ulp = np.finfo(dtype).eps
        for probe, _ in judged.wrong:
            prediction = probe.expected[Quantity("output", probe.case.depth)]
            assert ((prediction < 4 * ulp) | (prediction > 1 - 4 * ulp)).any()


def test_hips_autograd(torch_oracle):
    """All is right, leniently, but where the input of a ReLU is exactly 0: there the slope is 1/2."""
    judged = Judged("hips_autograd", "float64", torch_oracle, "lenient")
    assert min(judged.checked(kind) for kind in ("output", "loss", "dW", "db", "sigmoid", "tanh_prime")) > 50
    assert {record.quantity.kind for _, record in judged.wrong} == {"dW", "db", "relu_prime"}
    for probe, record in judged.wrong:
        if record.quantity.kind == "relu_prime":
            assert (record.got, record.expected) == (0.5, 0.0)
        else:
            assert "relu" in probe.case.activations
            assert any((output == 0).any() for output in probe.expected.values())
    strict = Judged("hips_autograd", "float64", torch_oracle, numbers=range(1, 60, 6))
    assert "sigmoid" in {record.quantity.kind for _, record in strict.wrong}


@pytest.mark.parametrize("dtype", DTYPES)
def test_micrograd(dtype, torch_oracle):
    """Right but for hidden layers of one neuron, through which it cannot go."""
    judged = Judged("micrograd_mlp", dtype, torch_oracle, largest=200)
    assert {record.cause for _, record in judged.wrong} == {
        f"{function} raised TypeError: 'Value' object is not iterable (micrograd_mlp.py, line {line})"
        for function, line in (("forward", 33), ("backward", 40))
    }
    narrow = {probe.case.name for probe in judged.probes if 1 in probe.case.widths[1:-1]}
    assert {probe.case.name for probe, _ in judged.wrong} == narrow
    assert 0.2 < len(narrow) / len(judged.probes) < 0.8


@pytest.mark.parametrize(
    ("name", "verdict", "losses", "slope"),
    [
        ("scikit_learn", "inconsistent", {("half_squared_error_entry_mean", "half_squared_error_mean")}, 0),
        (
            "scikit_learn_classifier",
            "consistent",
            {("cross_entropy_mean",) * 2, ("binary_cross_entropy_mean",) * 2},
            0,
        ),
        (
            "hips_autograd",
            "consistent",
            {
                (loss, loss)
                for loss in (
                    "squared_error_sum",
                    "squared_error_mean",
                    "half_squared_error_mean",
                    "squared_error_entry_mean",
                )
            },
            0.5,
        ),
        ("micrograd_mlp", "consistent", {(None, "squared_error_sum")}, 0),
    ],
)
def test_conventions_are_inferred(name, verdict, losses, slope):
    """By experiment, and not from what the adapter declares."""
    found = infer(load_implementation(f"tests.third_party.{name}"))
    assert (found.verdict, found.slope_at_0) == (verdict, slope)
    assert {(each.value, each.gradient) for each in found.losses} == losses
    if verdict == "inconsistent":
        assert found.summary[0].endswith("the gradient does not belong to the value, which is that loss times 1 / k.")
