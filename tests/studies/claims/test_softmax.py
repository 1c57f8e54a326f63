"""`studies.claims.softmax`: what the printed softmax does where, and what the standard one always does."""

import numpy as np
import pytest

from backproof.reference_impl import as_printed
from backproof.studies.claims.softmax import (
    EXPONENTIAL,
    OTHERS,
    PROBABILITIES,
    PROPORTIONAL,
    VECTORS,
    has,
    try_softmax,
    vectors,
)

CONDITION = "no two inputs have opposite signs, and not all are 0"


@pytest.fixture(scope="module")
def claim(verdict_on):
    return verdict_on("N9")


def agreeing(claim, name):
    """Property by property, on how many it is so, and of how many."""
    checks = [check for check in claim.evidence.checks if check.what.startswith(f"{name}: ")]
    return {check.what.partition(": ")[2]: (check.agreeing, check.tried) for check in checks}


def test_verdict(claim):
    """It holds exactly where no signs are mixed, which the notes' lengths and widths are an example of."""
    assert (claim.verdict, claim.evidence.condition) == ("holds if", CONDITION)
    x = vectors(0)
    same_sign = sum(bool(row.any()) and bool((row >= 0).all() or (row <= 0).all()) for row in x)
    assert 0 < same_sign < VECTORS
    assert claim.evidence.summary.startswith(f"All of it is so on {same_sign} of {VECTORS} ")


def test_printed_softmax(claim):
    """Proportions and sums wherever the inputs do not sum to 0; there a pole; scaling changes nothing, shifts do."""
    found = agreeing(claim, "N8 as printed")
    finite = sum(row.sum() != 0 for row in vectors(0))
    assert found["the outputs are finite"] == (finite, VECTORS)
    assert found["the outputs are proportional to the inputs"] == found["the outputs sum to 1"] == (finite, VECTORS)
    assert found["multiplying every input by 3 changes nothing"] == (finite, VECTORS)
    assert found["adding 3 to every input changes nothing"][0] < finite
    assert found["no output is larger than 1"] == (0, 50)
    assert found["softmax([z, 0]) is sigmoid(z)"][0] < 10
    values = {one.what: one.value for one in claim.evidence.measurements if one.group == "N8 as printed"}
    assert values["smallest output"] < 0 < 1 < values["largest output"]


def test_standard_softmax(claim):
    """All that the notes say of it but the proportions, and shifts change nothing, scaling does."""
    found = agreeing(claim, "the standard softmax")
    always = {what for what, (so, tried) in found.items() if so == tried}
    assert always == {
        *EXPONENTIAL, *PROBABILITIES, "no output is negative", "the outputs are finite",
        "adding 3 to every input changes nothing", "no output is larger than 1", "softmax([z, 0]) is sigmoid(z)",
    }  # fmt: skip
    assert claim.correction.verified


def test_counterexample(claim):
    """Two integers of opposite signs."""
    assert claim.counterexample.line == (
        "x = (-1, 2): N8 gives y = -1 / ((-1) + 2) = -1, 2 / ((-1) + 2) = 2; "
        "no probability is negative or larger than 1"
    )


def test_standard_softmax_in_place_of_the_printed_one(bench, monkeypatch):
    """Its outputs are proportional to nothing but exponentials: the statement fails, whatever the signs."""
    monkeypatch.setattr(as_printed, "softmax", as_printed.softmax_with_exponential)
    assert try_softmax(bench).verdict == "fails as printed"


@pytest.mark.parametrize(
    "mistaken",
    [
        lambda x: np.exp2(x) / np.exp2(x).sum(axis=-1, keepdims=True),
        lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True) * (1 + 1e-13),
        lambda x: np.exp(x) / np.exp(np.abs(x)).sum(axis=-1, keepdims=True),
    ],
)
def test_mistakes_in_the_correction(mistaken, bench, monkeypatch):
    monkeypatch.setattr(as_printed, "softmax_with_exponential", mistaken)
    claim = try_softmax(bench)
    assert (claim.correction.verified, claim.settled) == (False, False)


@pytest.mark.parametrize("properties", [PROPORTIONAL, EXPONENTIAL, PROBABILITIES, OTHERS])
def test_no_property_of_what_is_no_number(properties):
    assert not has(lambda x: x * np.nan, np.array([[1.0, 2.0]]), properties)
