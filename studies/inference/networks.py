"""The networks that an implementation is put to: numbers of samples and outputs tell every factor from any other."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from backproof.oracles.case import Case
from backproof.oracles.registry import load_oracle
from backproof.verification.probes import Probe, probe_all

# Numbers of samples and outputs, and the widths before; no two of one network are the same.
SHAPES = ((5, (2, 4, 3)), (3, (4, 5, 7)))

# The oracle that needs NumPy alone.
ORACLE = "complex-step"


@functools.cache
def probes_of(loss: str, last: str, hidden: str, *, single: bool) -> list[Probe]:
    """Networks of ordinary numbers whose labels are distributions, which suits every loss."""
    cases = []
    for n, widths in SHAPES:
        rng = np.random.default_rng(n)
        layers = list(itertools.pairwise(widths[-2:] if single else widths))
        k = widths[-1]
        cases.append(
            Case(
                weights=tuple(rng.standard_normal((k, received)) / 2 for received, k in layers),
                biases=tuple(rng.standard_normal(k) / 2 for _, k in layers),
                x=rng.standard_normal((n, layers[0][0])),
                y=rng.multinomial(64, [1 / k] * k, n) / 64,
                activations=(*(hidden,) * (len(layers) - 1), last),
                loss=loss,
                learning_rate=0.25,
            )
        )
    return probe_all(cases, load_oracle(ORACLE))


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
