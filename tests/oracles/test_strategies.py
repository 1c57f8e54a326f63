"""`oracles.strategies`: what is drawn is a case within the limits asked for, and shrinks to what one can follow."""

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from backproof.oracles.case import Case
from backproof.oracles.strategies import networks
from backproof.reference_impl.contract import LOSSES


@given(st.data())
def test_limits(data):
    """Depth, width, batch, activations and losses stay within what was asked for."""
    losses = data.draw(st.lists(st.sampled_from(list(LOSSES)), min_size=1, unique=True))
    case = data.draw(networks(max_depth=2, max_width=3, max_batch=2, losses=losses))
    assert (case.depth <= 2, max(case.widths) <= 3, case.n <= 2, case.loss in losses) == (True,) * 4
    relu = data.draw(networks(activations=["relu"]))
    assert set(relu.activations) == {"relu"}
    named = data.draw(networks(layers=["tanh", "softmax"], activations=["relu"]))
    assert named.activations == ("tanh", "softmax")


def test_nothing_to_draw():
    """A cross-entropy without a softmax makes no sense."""
    with pytest.raises(ValueError, match=r"none of the losses .* goes with any of the activations"):
        find(networks(activations=["relu"], losses=["cross_entropy_sum"]), lambda case: True)


@pytest.mark.parametrize(
    ("condition", "smallest"),
    [
        (lambda case: True, (1, (1, 1), 1)),
        (lambda case: case.depth == 2, (2, (1, 1, 1), 1)),
        (lambda case: case.n > 1 and case.widths[0] > 2, (1, (3, 1), 2)),
    ],
)
def test_shrinking(condition, smallest):
    """The smallest network is as small as the condition permits, with small integers."""
    case: Case = find(networks(), condition, settings=settings(database=None, derandomize=True, max_examples=500))
    assert (case.depth, case.widths, case.n) == smallest
    assert not any(array.any() for array in (*case.weights, *case.biases, case.x))


def test_entries_may_be_integers_only():
    """The strategy for numbers is the user's; what it leaves out is 0."""

    def full(case):
        return all(array.all() for array in (*case.weights, *case.biases, case.x))

    case = find(networks(numbers=st.just(2.0)), full, settings=settings(database=None, derandomize=True))
    assert all((array == 2).all() for array in (*case.weights, *case.biases, case.x))
