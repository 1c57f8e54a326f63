"""The reference implementation on networks that Hypothesis draws, and what is left of a mistake after shrinking."""

import pytest
from hypothesis import find, given, settings

from mistakes.catalogue import MISTAKES
from mistakes.textbook import Textbook
from oracles.case import Case
from oracles.registry import Oracle
from oracles.strategies import networks
from reports.implementation import Implementation, as_implementation, load_implementation
from reports.judgement import judge


def assert_agrees(implementation: Implementation, case: Case, oracle: Oracle) -> None:
    """Fail with all that disagrees, and with the command that shows it."""
    (judgement,) = judge([case], implementation, [oracle])
    explanations = [record.explanation(name) for name, record in judgement.disagreements]
    assert not explanations, "\n".join([*explanations, f"backproof replay '{case.reference()}' --dtype {case.dtype}"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@given(case=networks())
def test_reference_impl_agrees(dtype, case, torch_oracle):
    """Whatever network Hypothesis thinks of."""
    assert_agrees(load_implementation("reference_impl"), case.cast(dtype), torch_oracle)


@given(case=networks(max_depth=4, max_width=6, max_batch=6))
def test_textbook_agrees(case, torch_oracle):
    """A second implementation, which shares no code with the first."""
    assert_agrees(as_implementation(Textbook()), case, torch_oracle)


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
    [
        ("ReluPrimeOfZeroIsOne", 1, 4),
        ("SumForMean", 1, 7),
        ("HiddenDerivativeMissing", 2, 6),
    ],
)
def test_mistakes_shrink(mistake, depth, numbers, torch_oracle):
    """To one or two layers, about as few numbers as can show it, and integers."""
    case = smallest_failure(mistake, torch_oracle)
    assert (case.depth <= depth, case.size <= numbers) == (True, True), case
    assert all((array == array.round()).all() for array in (*case.weights, *case.biases, case.x))
