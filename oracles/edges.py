"""Drawn cases moved to the edge of what occurs: each function here changes the numbers of a case in its place."""

from __future__ import annotations

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import Array

Generator = np.random.Generator

# The decimal exponents of what is subnormal in float64, and 0 in float32; and of what is subnormal in float32.
SUBNORMAL = ((-323.0, -308.0), (-44.5, -38.0))


def last_preactivations(case: Case) -> Array:
    """z of the last layer, (n, k_L), of a network whose hidden layers have sigmoids or tanhs."""
    a = case.x
    for W, b, g in zip(case.weights, case.biases, case.activations, strict=True):
        z = a @ W.T + b
        a = np.tanh(z) if g == "tanh" else np.tanh(z / 2) / 2 + 0.5
    return z


def predicted_labels(case: Case, z: Array) -> Array:
    """The hard labels that the last layer's pre-activations predict, for sigmoids or a softmax."""
    if case.activations[-1] == "softmax":
        return np.eye(z.shape[1])[z.argmax(axis=1)]
    return (z > 0).astype(float)


def confidently_wrong(rng: Generator, case: Case, z: Array) -> None:
    """Labels that a cross-entropy's prediction rules out, from 1 in 10^12 to where it all but underflows.

    z: the last layer's pre-activations, (n, k_L). They are scaled, so that the largest, or under a softmax the largest
    difference, is from 28 to 80, which float32 has as well, or from 200 to 700. Under a softmax the label is on the
    least likely output. Of sigmoids a label 0 is only where float64 still tells the prediction from 1, up to z = 33,
    since the loss is infinite beyond; every other case aims at a prediction within 10^-12 of 1.
    """
    softmax = case.activations[-1] == "softmax"
    largest = np.ptp(z, axis=1).max() if softmax else z.flat[np.abs(z).argmax()]
    aimed = not softmax and rng.random() < 0.5
    size = rng.uniform(*((28, 33) if aimed else (28, 80) if rng.random() < 0.5 else (200, 700)))
    # Negative where the sign of the largest is not the one that is wanted.
    factor = size / (largest if softmax or aimed else -largest) if largest else 1.0
    case.weights[-1][:] *= factor
    case.biases[-1][:] *= factor
    if softmax:
        case.y[:] = np.eye(z.shape[1])[(factor * z).argmin(axis=1)]
    else:
        case.y[:] = (factor * z <= 0) | (factor * z > 33)


def repeated(case: Case) -> None:
    """The last sample also in the place of the first, with its label, and the last feature in that of the first."""
    case.x[0], case.y[0] = case.x[-1], case.y[-1]
    case.x[:, 0] = case.x[:, -1]


def tied_outputs(rng: Generator, case: Case) -> None:
    """Some outputs, two or more of them, have the same weights and the same large bias."""
    tied = rng.random(case.biases[-1].size) < 0.5
    tied[:2] = True
    case.weights[-1][tied], case.biases[-1][tied] = case.weights[-1][0], 5.0


def dead_layer(case: Case) -> None:
    """The first layer with a ReLU gives 0 for every sample, if its inputs are not large."""
    if "relu" in case.activations:
        case.biases[case.activations.index("relu")][:] -= 100.0


def subnormal_inputs(rng: Generator, case: Case) -> None:
    """About half of one feature's entries are too small to be normal numbers, in float64 or in float32."""
    small = 10 ** np.where(rng.random(case.n) < 0.5, *(rng.uniform(*exponents, case.n) for exponents in SUBNORMAL))
    chosen = rng.random(case.n) < 0.5
    chosen[0] = True
    case.x[chosen, 0] = np.copysign(small, case.x[:, 0])[chosen]


def negative_zeros(case: Case) -> None:
    """-0.0 for every 0."""
    for array in (*case.weights, *case.biases, case.x):
        array[array == 0] = -0.0
