"""The networks that an implementation is put to: numbers of samples and outputs tell every factor from any other."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np

from backproof.oracles.case import Case
from backproof.oracles.registry import load_oracle
from backproof.reference_impl.contract import Array
from backproof.verification.probes import Probe, probe_all

# Numbers of samples, and the widths, of which at most so many layers are taken; no two of one network are the same.
SHAPES = ((5, (2, 4, 3)), (3, (4, 6, 5, 7)))

# The oracle that needs NumPy alone.
ORACLE = "complex-step"


class Kind(NamedTuple):
    """What networks are like: of so many layers at most; one class for a label; of their own widths; without biases."""

    layers: int | None = None
    hard: bool = False
    widths: tuple[int, ...] | None = None
    biases: bool = True


@functools.cache
def probes_of(loss: str, last: str, hidden: str, kind: Kind) -> list[Probe]:
    """Networks of ordinary numbers whose labels are distributions, which suits every loss."""
    cases = []
    for n, usual in SHAPES:
        rng = np.random.default_rng(n)
        widths = kind.widths or usual
        layers = list(itertools.pairwise(widths[-kind.layers - 1 :] if kind.layers else widths))
        k = widths[-1]
        cases.append(
            Case(
                weights=tuple(rng.standard_normal((k, received)) / 2 for received, k in layers),
                biases=tuple(rng.standard_normal(k) / 2 * kind.biases for _, k in layers),
                x=rng.standard_normal((n, layers[0][0])),
                y=_labels(rng, n, k, hard=kind.hard),
                activations=(*(hidden,) * (len(layers) - 1), last),
                loss=loss,
                learning_rate=0.25,
            )
        )
    return probe_all(cases, load_oracle(ORACLE))


def _labels(rng: np.random.Generator, n: int, k: int, *, hard: bool) -> Array:
    """Distributions over the outputs, or one class for each sample; of a single output numbers from 0 to 1."""
    if k == 1:
        return rng.integers(0, 2, (n, 1)) * 1.0 if hard else rng.integers(1, 64, (n, 1)) / 64
    return np.eye(k)[rng.integers(0, k, n)] if hard else rng.multinomial(64, [1 / k] * k, n) / 64


def probe_at_the_kink(last: str, loss: str) -> Probe:
    """Four samples through a hidden layer whose inputs are exactly 0, and whose activation is the identity."""
    distribution = np.array([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75], [0.0, 1.0]])
    case = Case(
        weights=(np.zeros((3, 2)), np.array([[1.0, 2.0, -1.0], [3.0, -2.0, 1.0]])),
        biases=(np.zeros(3), np.array([2.0, -1.0])),
        x=np.array([[1.0, 2.0], [3.0, -1.0], [-2.0, 1.0], [1.0, 1.0]]),
        y=distribution,
        activations=("identity", last),
        loss=loss,
        learning_rate=0.5,
    )
    (probe,) = probe_all([case], load_oracle(ORACLE))
    return probe
