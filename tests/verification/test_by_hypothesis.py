"""The reference implementation on networks that Hypothesis draws, and what is left of a mistake after shrinking."""

import json
import math

import pytest
from hypothesis import currently_in_test_context, example, find, given, settings, target

from backproof.mistakes.accepted import ACCEPTED
from backproof.mistakes.catalogue import MISTAKES
from backproof.oracles.case import Case
from backproof.oracles.registry import Oracle
from backproof.oracles.strategies import networks
from backproof.verification.implementation import Implementation, as_implementation, load_implementation
from backproof.verification.judgement import judge
from tests.quick import first

# Networks on which something right was once called wrong, or something here broke.
PAST_FAILURES = {
    "a loss of 2e-90 is 0 in float32": {"biases": [[1.401298464324817e-45]]},
    "a softmax that rounds to 1 under the binary cross-entropy": {
        "weights": [[[300.0], [-300.0]]],
        "biases": [[0.0, 0.0]],
        "x": [[1.0]],
        "y": [[1.0, 0.0]],
        "activations": ["softmax"],
        "loss": "binary_cross_entropy_sum",
    },
}
SMALLEST = {
    "weights": [[[0.0]]],
    "biases": [[0.0]],
    "x": [[0.0]],
    "y": [[0.0]],
    "activations": ["identity"],
    "loss": "squared_error_sum",
    "learning_rate": 1.0,
}


def past_failures(test):
    """Try these networks first, and always."""
    for changed in PAST_FAILURES.values():
        test = example(case=Case.from_json(json.dumps(SMALLEST | changed)))(test)
    return test


def assert_agrees(implementation: Implementation, case: Case, oracle: Oracle) -> None:
    """Fail with all that disagrees, and with the command that shows it; search toward the largest error / allowed."""
    (judgement,) = judge([case], implementation, [oracle])
    ratios = [record.ratio for records in judgement.records.values() for record in records]
    if currently_in_test_context():
        target(max((ratio for ratio in ratios if math.isfinite(ratio)), default=0.0), label="error / allowed")
    explanations = [record.explanation(name) for name, record in judgement.disagreements]
    assert not explanations, "\n".join([*explanations, f"backproof replay '{case.reference()}' --dtype {case.dtype}"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@past_failures
@given(case=networks())
def test_reference_impl_agrees(dtype, case, torch_oracle):
    """Whatever network Hypothesis thinks of."""
    assert_agrees(load_implementation("backproof.reference_impl"), case.cast(dtype), torch_oracle)


@pytest.mark.parametrize("way", ["Accumulated", "Exponentials"])
@past_failures
@given(case=networks(max_depth=4, max_width=6, max_batch=6))
def test_other_ways_agree(way, case, torch_oracle):
    """Implementations that share no code with the first; in float32, where errors come nearest to what is allowed."""
    assert_agrees(as_implementation(ACCEPTED[way]()), case.cast("float32"), torch_oracle)


def test_failure_can_be_replayed(torch_oracle):
    """The message of a failing network names quantity, entry, values, and the command."""
    case = smallest_failure("SignReversed", torch_oracle)
    with pytest.raises(
        AssertionError, match=r"(?s)d[Wb]\[1\] disagrees with torch .*got .*, expected .*backproof replay '\{"
    ):
        assert_agrees(as_implementation(MISTAKES["SignReversed"]()), case, torch_oracle)
    assert Case.from_json(case.to_json()).to_json() == case.to_json()


def smallest_failure(mistake: str, oracle: Oracle) -> Case:
    """The smallest network on which a planted mistake shows."""

    def shows(case: Case) -> bool:
        (judgement,) = judge([case], as_implementation(MISTAKES[mistake]()), [oracle])
        return bool(judgement.disagreements)

    return find(networks(), shows, settings=settings(database=None, derandomize=True, max_examples=1000))


@pytest.mark.parametrize(
    ("mistake", "depth", "numbers"),
    first(2, [("ReluPrimeOfZeroIsOne", 1, 4), ("SumForMean", 1, 7), ("HiddenDerivativeMissing", 2, 6)]),
)
def test_mistakes_shrink(mistake, depth, numbers, torch_oracle):
    """To one or two layers, about as few numbers as can show it, and integers."""
    case = smallest_failure(mistake, torch_oracle)
    assert (case.depth <= depth, case.size <= numbers) == (True, True), case
    assert all((array == array.round()).all() for array in (*case.weights, *case.biases, case.x))
