"""`grader.networks`: for each edge networks that have it and no other, from a stream that a seed determines."""

import itertools
from collections import Counter

import msgspec
import numpy as np
import pytest

from backproof.grader.assignment import EDGES, MAX_DEPTH, Assignment
from backproof.grader.networks import MAX_BATCH, MAX_WIDTH, draw_networks, features, random_stream

ASSIGNMENT = Assignment(networks=120)


def drawn(assignment=ASSIGNMENT, student=None, *, practice=False):
    return draw_networks(assignment, random_stream(assignment, student, practice=practice)).networks


@pytest.fixture(scope="module")
def networks():
    return drawn()


def test_half_are_ordinary_and_the_edges_share_the_rest(networks):
    counted = Counter(network.edge for network in networks)
    assert counted.pop(None) == 60
    assert set(counted) == set(EDGES)
    assert max(counted.values()) - min(counted.values()) <= 1


def test_each_has_its_edge_and_no_other(networks):
    for network in networks:
        assert features(network.case, ASSIGNMENT) == {network.edge} - {None, "integers"}


def test_numbers_are_exact_in_single_precision(networks):
    for network in networks:
        for case in (network.case, network.judged):
            for array in (*case.weights, *case.biases, case.x, case.y):
                assert np.array_equal(array.astype(np.float32), array)


def test_they_are_small_and_of_every_kind(networks):
    assert {network.case.depth for network in networks} == set(range(1, MAX_DEPTH + 1))
    assert max(max(network.case.widths) for network in networks) <= MAX_WIDTH
    assert max(network.case.n for network in networks) <= MAX_BATCH
    ordinary = [network.case for network in networks if network.edge is None]
    assert {(case.loss, case.activations[-1]) for case in ordinary} == set(ASSIGNMENT.pairs())
    assert {g for case in ordinary for g in case.activations} == set(ASSIGNMENT.activations)
    assert any(len({*case.widths, case.n}) == 1 for case in ordinary), "a network where all sizes are alike"
    alike = itertools.pairwise(ordinary)
    assert any((a.widths, a.n) == (b.widths, b.n) for a, b in alike), "one after another of its shape"


@pytest.mark.parametrize(
    ("layers", "loss", "without"),
    [
        (("tanh", "sigmoid"), "binary_cross_entropy_mean", {"soft labels"}),
        (("softmax",), "cross_entropy_mean", {"one output", "width 1"}),
        (("relu", "sigmoid", "identity", "tanh"), "squared_error_sum", {"soft labels"}),
    ],
)
def test_layers_that_an_assignment_names(layers, loss, without):
    """All networks have them, and still there are all edges that such networks can have."""
    found = drawn(msgspec.structs.replace(ASSIGNMENT, layers=layers, losses=(loss,)))
    assert {(network.case.activations, network.case.loss) for network in found} == {(layers, loss)}
    assert {network.edge for network in found} == {None, *EDGES} - without


def test_the_loss_is_asked_about_something_else(networks):
    """So that what it is given is no answer to another question."""
    for network in networks:
        assert network.judged.depth == 1
        assert network.judged.y.shape == network.case.y.shape
        assert not np.array_equal(network.judged.x, network.case.x)


def test_any_subgradient(networks):
    """Where relu'(0) may be anything, no network depends on it."""
    tolerant = msgspec.structs.replace(ASSIGNMENT, relu_prime_at_zero="any")
    for network in drawn(tolerant):
        assert "at a kink" not in features(network.case, tolerant)


def test_without_stability_nothing_is_large():
    relaxed = msgspec.structs.replace(ASSIGNMENT, stability="optional")
    assert "large values" not in {network.edge for network in drawn(relaxed)}


class TestStream:
    """The same seed, the same networks; another student, others."""

    def first(self, **changes):
        practice, student = changes.pop("practice", False), changes.pop("student", None)
        return random_stream(msgspec.structs.replace(ASSIGNMENT, **changes), student, practice=practice).random()

    def test_reproducible(self):
        assert self.first() == self.first()
        assert self.first(student="Ada") == self.first(student="Ada")

    def test_different(self):
        found = [
            self.first(),
            self.first(student="Ada"),
            self.first(student="Emmy"),
            self.first(student=""),
            self.first(seed="other"),
            self.first(seed="other", student="Ada"),
            self.first(practice=True),
        ]
        assert len(set(found)) == len(found)

    def test_practice_tells_nothing_about_the_seed(self):
        assert self.first(practice=True, seed="secret") == self.first(practice=True)
