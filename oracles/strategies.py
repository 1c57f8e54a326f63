"""Hypothesis strategies for networks, on the same case type that campaigns draw.

Numbers shrink to small integers and architectures to few layers, neurons and samples, so that what is left of a failure
can be worked through by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import platformdirs
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.errors import NoSuchExample
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import SearchStrategy as SearchStrategy  # users of the strategies name their type

from backproof.oracles.case import Case
from backproof.reference_impl.contract import HIDDEN_ACTIVATIONS, LOSSES, OUTPUT_ACTIVATIONS, Array, find_loss

INTEGERS = st.integers(-4, 4).map(float)
NUMBERS = INTEGERS | st.floats(-4, 4, width=32)

Drawn = TypeVar("Drawn")


def smallest(strategy: SearchStrategy[Drawn], shows: Callable[[Drawn], bool], trials: int = 300) -> Drawn | None:
    """The simplest example that Hypothesis shrinks to, of those that show something; the same one at every call.

    None where it finds no such example in so many trials. What Hypothesis keeps on disk goes to the user's cache
    folder, not to the one that somebody works in.
    """
    search = settings(
        database=None,
        derandomize=True,
        deadline=None,
        max_examples=trials,
        phases=[Phase.generate, Phase.shrink],  # to explain the outcome, every line that runs would be traced
        suppress_health_check=list(HealthCheck),
    )
    set_hypothesis_home_dir(platformdirs.user_cache_path("backproof") / "hypothesis")
    try:
        return find(strategy, shows, settings=search)
    except NoSuchExample:
        return None
    finally:
        set_hypothesis_home_dir(None)


def rows(number: int, max_size: int) -> SearchStrategy[tuple[Array, ...]]:
    """So many single rows (1, k) of integers, all of the same length."""
    return st.integers(1, max_size).flatmap(lambda k: st.tuples(*[_array((1, k), INTEGERS)] * number))


@st.composite
def networks(
    draw: st.DrawFn,
    *,
    max_depth: int = 3,
    max_width: int = 4,
    max_batch: int = 4,
    activations: Sequence[str] = (*HIDDEN_ACTIVATIONS, "softmax"),
    losses: Sequence[str] = tuple(LOSSES),
    numbers: SearchStrategy[float] = NUMBERS,
    layers: Sequence[str] = (),
) -> Case:
    """A float64 case with at most so many layers, neurons in a layer and samples.

    activations: which may occur, softmax in the last layer only; losses: which may occur, each only with a last
    activation that it makes sense after; numbers: the entries of x, weights and biases. layers: the activation of each
    layer, in place of at most so many with any of the activations.

    Raises ValueError where none of the losses goes with any of the activations.
    """
    last = layers[-1:] or activations
    pairs = [(loss, g) for loss in losses for g in OUTPUT_ACTIVATIONS[find_loss(loss).kind] if g in last]
    if not pairs:
        raise ValueError(f"none of the losses {list(losses)} goes with any of the activations {list(last)}")
    n, features = draw(st.integers(1, max_batch)), draw(st.integers(1, max_width))
    any_hidden = st.sampled_from([g for g in activations if g != "softmax"] or ["identity"])
    hidden = [*map(st.just, layers[:-1])] if layers else [any_hidden] * draw(st.integers(0, max_depth - 1))
    drawn, received = list[Layer](), features
    for g in hidden:
        drawn.append(draw(_layer(received, st.integers(1, max_width), g, numbers)))
        received = len(drawn[-1].biases)
    loss, output = draw(st.sampled_from(pairs))
    # A softmax of one output is 1 whatever the network does, where the binary cross-entropy is infinite.
    several = (find_loss(loss).kind, output) == ("binary_cross_entropy", "softmax")
    outputs = st.integers(2, max(2, max_width)) if several else st.integers(1, max_width)
    drawn.append(draw(_layer(received, outputs, st.just(output), numbers)))
    return Case(
        weights=tuple(layer.weights for layer in drawn),
        biases=tuple(layer.biases for layer in drawn),
        x=draw(_array((n, features), numbers)),
        y=draw(_labels(n, len(drawn[-1].biases), loss, output)),
        activations=tuple(layer.activation for layer in drawn),
        loss=loss,
        learning_rate=draw(st.sampled_from([1.0, 0.5, 0.1])),
    )


class Layer(NamedTuple):
    """Weights (k, received), biases (k,), and the activation's name."""

    weights: Array
    biases: Array
    activation: str


@st.composite
def _layer(
    draw: st.DrawFn,
    received: int,
    widths: SearchStrategy[int],
    activations: SearchStrategy[str],
    numbers: SearchStrategy[float],
) -> Layer:
    """All of a layer in one piece, so that shrinking can take it out of the middle of a network."""
    k, activation = draw(widths), draw(activations)
    return Layer(draw(_array((k, received), numbers)), draw(_array((k,), numbers)), activation)


def _array(shape: tuple[int, ...], numbers: SearchStrategy[float]) -> SearchStrategy[Array]:
    """Entry by entry into an array of zeros, so that a smaller shape needs no other entries."""
    return arrays(np.float64, shape, elements=numbers, fill=st.just(0.0))


def _labels(n: int, k: int, loss: str, output: str) -> SearchStrategy[Array]:
    """Distributions for a cross-entropy, numbers from 0 to 1 for probabilities, else small integers."""
    kind = find_loss(loss).kind
    if kind == "cross_entropy":
        return st.lists(_distribution(k), min_size=n, max_size=n).map(np.array)
    if kind == "binary_cross_entropy" or output in ("sigmoid", "softmax"):
        return _array((n, k), st.sampled_from([0.0, 1.0, 0.5, 0.25]))
    return _array((n, k), INTEGERS)


def _distribution(k: int) -> SearchStrategy[list[float]]:
    """One of k classes, or two of them by halves: all exact in floating point."""
    classes = st.integers(0, k - 1)
    return st.tuples(classes, classes).map(lambda pair: [((pair[0] == j) + (pair[1] == j)) / 2 for j in range(k)])
