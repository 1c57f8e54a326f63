"""`studies.power.mutation` and `.conformance`: mutants are made, kept apart from the original, and caught."""

import ast
import random
import sys

import numpy as np
import pytest

from backproof import reference_impl
from backproof.studies.power import equivalence
from backproof.studies.power.conformance import by_conformance, by_unit_tests
from backproof.studies.power.mutation import MODULES, Place, imported, mutants, planted, unchanged
from backproof.studies.power.mutation import _changes as changes

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def all_mutants():
    return {mutant.name: mutant for mutant in mutants()}


def test_there_are_many(all_mutants):
    """More than a thousand, all different, in every module."""
    assert len(all_mutants) > 1000
    assert {mutant.module for mutant in all_mutants.values()} == set(MODULES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a + b", ["a - b", "a", "b"]),
        ("a @ b", ["a * b", "a", "b", "b @ a"]),
        ("a.T", ["a"]),
        ("-a", ["a"]),
        ("a > b", ["a < b", "a <= b", "a >= b", "a == b", "a != b"]),
        ("True", ["False"]),
        ("1", ["2", "0", "2"]),
        ("'mean'", ["'mean_'"]),
        ("a.sum(axis=0)", ["a", "a.sum()"]),
        ("np.exp(a, b)", ["a", "np.exp(b, a)"]),
        ("a if b else c", ["a", "c"]),
        ("a and b", ["a or b", "a", "b"]),
        ("[a, b]", ["[b]", "[a]", "[b, a]"]),
    ],
)
def test_changes(before, after):
    """What may stand in an expression's place."""
    node = ast.parse(before, mode="eval").body
    place = Place(node, node, "", None, "", range(1), ())
    assert [ast.unparse(changed) for changed in changes(place)] == after


def test_planted(all_mutants):
    """A mutant computes something else under its own name, and the original is what it was."""
    mutant = all_mutants["activations.relu: np.maximum -> np.minimum"]
    with planted(mutant, "changed"):
        assert sys.modules["changed"].relu(np.array([-1.0, 2.0])).tolist() == [-1, 0]
        assert sys.modules["changed"].forward([np.eye(1)], [np.zeros(1)], np.ones((1, 1)), ["relu"])[1] == 0
        assert reference_impl.relu(np.array([-1.0, 2.0])).tolist() == [0, 2]
    assert "changed" not in sys.modules
    with imported(mutant):
        assert sys.modules["backproof.reference_impl"] is not reference_impl
    assert sys.modules["backproof.reference_impl"] is reference_impl
    assert sys.modules["backproof.reference_impl.activations"] is reference_impl.activations


def test_caught(all_mutants):
    """By a test about what was changed, after some networks; what the suite does not reach is not in the answer."""
    names = [
        "activations.relu: np.maximum -> np.minimum",
        "activations.relu_prime: z > 0 -> z >= 0",
        "losses.loss: terms.sum() * chosen.scale(*y.shape) -> terms.sum()",
        "network.backward: np.dot(delta.T, outputs[-2]) -> delta.T",
        "contract.LOSSES: 0.5 -> 1.5",
        "descent.descent: steps -> weights",
        "activations.sigmoid: np.minimum(z, 0) -> np.minimum(0, z)",
    ]
    assert [name for name in names if name not in all_mutants] == []
    found = {
        mutant.name: catch
        for mutant, catch in by_conformance([all_mutants[name] for name in names], networks=2).items()
    }
    assert list(found) == [name for name in names if "descent" not in name]
    assert found.pop(names[-1]) is None
    assert {name.partition(".")[0]: catch.test.partition(".")[0] for name, catch in found.items()} == {
        "activations": "test_activations",
        "losses": "test_loss",
        "network": "test_backward",
        "contract": "test_loss",
    }
    assert found["activations.relu_prime: z > 0 -> z >= 0"].test.endswith("test_relu_prime_at_zero[float64]")
    assert all(catch.networks > 0 for catch in found.values())


def test_unit_tests_catch_the_rest(all_mutants):
    """What lies outside the contract."""
    mutant = all_mutants["descent.descent: steps -> weights"]
    found = by_unit_tests([mutant])[mutant]
    assert found.test.startswith("test_descent.py::test_descent_is_its_steps")
    assert by_unit_tests([unchanged()]) == {unchanged(): None}
    assert sys.modules["backproof.reference_impl"] is reference_impl


def test_a_sample_is_caught(all_mutants):
    """Drawn at random: all but those that are listed as equivalent. `backproof power` tries every one."""
    sample = random.Random(0).sample(sorted(set(all_mutants) - set(equivalence.listed())), 12)
    chosen = [all_mutants[name] for name in sample]
    caught = {mutant for mutant, catch in by_conformance(chosen, networks=2).items() if catch}
    left = [mutant for mutant in chosen if mutant not in caught]
    assert len(caught) > 5
    assert [mutant.name for mutant, catch in by_unit_tests(left).items() if catch is None] == []


def test_equivalent_mutants(all_mutants):
    """Each that is listed is a mutant, with a reason, and gives the very same numbers; others do not."""
    listed = equivalence.listed()
    assert set(listed) <= set(all_mutants)
    assert all(reason.endswith(".") for reason in listed.values())
    different = all_mutants["activations.relu_prime: z > 0 -> z >= 0"]
    some = [all_mutants[name] for name in list(listed)[::4]]
    found = equivalence.differences([*some, different])
    assert list(found) == [different]
    assert found[different].startswith(("relu_prime of v", "dW[1] of v"))
