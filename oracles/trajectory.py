"""Where gradient descent goes in exact arithmetic, and how far from there an honest run may be after every step.

The exact path theta_{t+1} = theta_t - alpha grad L(theta_t) is enclosed in balls (Arb), as in `oracles.certified`. A
run in floating point, from the same start, is at theta_t + d_t, and

    d_{t+1} = (I - alpha H_t) d_t + f_t,

where H_t is the mean of the Hessian on the way from theta_t to theta_t + d_t, and f_t is fresh: alpha times what the
gradient may be off by (`oracles.bounds`), and the rounding of the step. H_t lies in the hull of the Hessian over all
parameters within the bound of d_t, which is again enclosed in balls.

The bound is carried along as in `oracles.bounds.propagation`: every fresh error, and what H_t may differ from the
middle of its ball times d_t, is an unknown of its own that each later step multiplies by I - alpha H with its signs. So
the bound shrinks where descent contracts. (Balls carried along by themselves forget the signs, and grow by a factor 1 +
alpha |H| with every step.) Where the ball of the Hessian becomes infinite, because a ReLU's input may lie on either
side of 0 or because the bound has grown beyond all use, nothing can be said from then on: the bound is infinite.

The second derivatives are taken forward over backward (Pearlmutter, "Fast exact multiplication by the Hessian", Neural
Computation 6, 1994). A bias is the weight of an input that is always 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from flint import arb, ctx

from backproof.oracles.bounds import Arithmetic, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.certified import above, exact_scale
from backproof.reference_impl.contract import Array, Layers, Parameters

# The path's balls grow with every step; so many bits leave them far below float64 for a hundred steps and more.
BITS = 192

# The bound is a sum of non-negative terms worked out in float64: this covers the rounding of thousands of them.
COVER = 1 + 2.0**-30


# g(z), g'(z) and g''(z).
Slopes = tuple[arb, arb, arb]


def _identity(z: arb) -> Slopes:
    return z, arb(1), arb(0)


def _sigmoid(z: arb) -> Slopes:
    """g = 1 / (1 + e^-z), g' = e^-z g^2, g'' = g' (1 - 2g)."""
    e = (-z).exp()
    g = 1 / (1 + e)
    slope = e * g * g
    return g, slope, slope * (1 - 2 * g)


def _tanh(z: arb) -> Slopes:
    """g' = 1 / cosh^2 z, g'' = -2 g g'."""
    g, slope = z.tanh(), z.sech() * z.sech()
    return g, slope, -2 * g * slope


def _relu(z: arb) -> Slopes:
    """Linear on either side of 0; where the side is undecided there is no bound of g''."""
    if z > 0:
        return z, arb(1), arb(0)
    if z <= 0:
        return arb(0), arb(0), arb(0)
    return z.nonnegative_part(), arb(0.5, 0.5), arb(0, np.inf)


ACTIVATION: dict[str, Callable[[arb], Slopes]] = {
    "identity": _identity,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "relu": _relu,
}


@dataclass(frozen=True)
class Run:
    """Parameters before the first step and after each, as somebody's arithmetic has them."""

    parameters: Sequence[Parameters]
    arithmetic: Arithmetic

    @cached_property
    def values(self) -> Array:
        """All parameters in a row for every step, (steps + 1, parameters)."""
        return np.array([_flat(*parameters) for parameters in self.parameters])


@dataclass(frozen=True)
class Followed:
    """A run beside the exact path, as (steps + 1, parameters).

    error: the largest distance that its values may have from the exact ones. allowed: the bound; infinite where nothing
    can be said.
    """

    error: Array
    allowed: Array


def follow(case: Case, runs: dict[str, Run]) -> dict[str, Followed]:
    """The runs of descent on a network, each beside the exact path with its bound.

    case: where descent starts, and its learning rate, in float64; its loss is a squared error, and no layer is a
    softmax. All runs have the same number of steps, in whatever dtype.

    Raises ValueError for another loss or a softmax.
    """
    if case.loss_parts.kind != "squared_error" or "softmax" in case.activations:
        raise ValueError(f"descent is followed under squared errors and without a softmax; {case!r} has others")
    steps = len(next(iter(runs.values())).parameters) - 1
    fresh = {name: _fresh_errors(case, run) for name, run in runs.items()}
    with ctx.workprec(BITS):
        path = _path(case, steps)
        allowed = _carry(case, path, fresh)
        return {name: Followed(_distances(run.values, path), allowed[name]) for name, run in runs.items()}


def _flat(weights: Layers, biases: Layers) -> Array:
    """All parameters in a row: layer by layer, neuron by neuron, the bias after the weights."""
    return np.concatenate([np.hstack([W, b[:, None]]).ravel() for W, b in zip(weights, biases, strict=True)])


def _fresh_errors(case: Case, run: Run) -> Array:
    """|f_t| for every step, (steps, parameters); infinite once the run's parameters are no finite numbers.

    The step rounds alpha g, which is no larger than what a parameter changes by, and the difference: by u each.
    """
    values = run.values
    finite = int(np.isfinite(values).all(axis=1).cumprod().sum())
    before = [replace(case, weights=_exactly(W), biases=_exactly(b), name="") for W, b in run.parameters[: finite - 1]]
    layers = range(1, case.depth + 1)
    errors = np.full((len(values) - 1, values.shape[1]), np.inf)
    for t, found in enumerate(bounds(before, [run.arithmetic])):
        (allowed,) = found.allowances
        dW, db = ([allowed[Quantity(kind, i)] for i in layers] for kind in ("dW", "db"))
        rounding = 2 * run.arithmetic.unit_roundoff * (np.abs(values[t + 1] - values[t]) + np.abs(values[t + 1]))
        errors[t] = abs(case.learning_rate) * _flat(dW, db) + rounding + 2 * run.arithmetic.smallest_normal
    return errors


def _exactly(arrays: Layers) -> tuple[Array, ...]:
    """The same numbers as float64."""
    return tuple(np.asarray(array, np.float64) for array in arrays)


def _path(case: Case, steps: int) -> list[Array]:
    """The exact parameters before the first step and after each, as balls."""
    network = Network(case)
    alpha, path = arb(case.learning_rate), [_balls(_flat(case.weights, case.biases))]
    for _ in range(steps):
        path.append(path[-1] - alpha * network.gradient(path[-1]))
    return path


def _distances(values: Array, path: Sequence[Array]) -> Array:
    """The largest distances of a run's values from the path's balls, rounded up."""
    return np.vectorize(_size, otypes=[float])(_balls(values) - np.array(path))


def _size(ball: arb) -> float:
    """A float64 that is no less than the absolute value of anything in the ball."""
    return above(ball.abs_upper())


def _carry(case: Case, path: Sequence[Array], fresh: dict[str, Array]) -> dict[str, Array]:
    """The bound of each run's d_t, for every t, (steps + 1, parameters).

    linear: how d_t depends on the unknowns, a column for each, multiplied by its bound.
    """
    network, parameters = Network(case), path[0].size
    linear = {name: np.zeros((parameters, 0)) for name in fresh}
    allowed = {name: [np.zeros(parameters)] for name in fresh}
    for t, exact in enumerate(path[:-1]):
        widest = np.max([carried[-1] for carried in allowed.values()], axis=0)
        middle, radius = _middle_and_radius(network.hessian(_widened(exact, widest)))
        growth = np.eye(parameters) - case.learning_rate * middle
        # What growth misses: the Hessian's radius, and the rounding of this difference and of the product below.
        missed = abs(case.learning_rate) * radius + (parameters + 4) * 2.0**-53 * np.abs(growth)
        for name, errors in fresh.items():
            with np.errstate(invalid="ignore", over="ignore"):
                unknown = COVER * (errors[t] + missed @ allowed[name][-1])
                linear[name] = np.hstack([growth @ linear[name], np.diag(unknown)])
                carried = COVER * np.abs(linear[name]).sum(axis=1)
            allowed[name].append(np.where(np.isnan(carried), np.inf, carried))
    return {name: np.array(carried) for name, carried in allowed.items()}


def _widened(exact: Array, radius: Array) -> Array:
    """Balls around the exact values that hold everything within the radius of them."""
    return exact + np.vectorize(lambda width: arb(0, width), otypes=[object])(radius)


def _middle_and_radius(balls: Array) -> tuple[Array, Array]:
    """Each ball as its middle in float64, and a radius that covers what that leaves out."""
    middle = balls.astype(float)
    radius = np.vectorize(_size, otypes=[float])(balls - _balls(middle))
    return middle, np.where(np.isfinite(middle) & np.isfinite(radius), radius, np.inf)


class Network:
    """The loss of a case as a function of all its parameters in a row, by its derivatives.

    All arrays hold balls. Of layer i: W (k_i, k_{i-1} + 1), the biases in the last column; a (n, k_{i-1} + 1), what it
    receives, with ones in the last column; slope and bend (n, k_i), g' and g'' at its pre-activations.
    """

    def __init__(self, case: Case) -> None:
        self.slopes = [np.frompyfunc(ACTIVATION[g], 1, 3) for g in case.activations]
        self.shapes = [(k, received + 1) for received, k in itertools.pairwise(case.widths)]
        self.x, self.y = _balls(case.x), _balls(case.y)
        self.scale = exact_scale(case)

    def gradient(self, parameters: Array) -> Array:
        """dL/dw for every parameter."""
        weights = self._matrices(parameters)
        a, slope, _ = self._forward(weights)
        delta = self._backward(weights, a, slope)
        return np.concatenate([(d.T @ received).ravel() for d, received in zip(delta, a, strict=False)])

    def hessian(self, parameters: Array) -> Array:
        """d^2L / dw dw' for every two parameters, column by column."""
        weights = self._matrices(parameters)
        a, slope, bend = self._forward(weights)
        delta = self._backward(weights, a, slope)
        unit = _balls(np.eye(parameters.size))
        return np.stack([self._tangent(weights, a, slope, bend, delta, self._matrices(v)) for v in unit], axis=1)

    def _matrices(self, parameters: Array) -> list[Array]:
        ends = np.cumsum([k * received for k, received in self.shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(parameters, ends), self.shapes, strict=True)]

    def _forward(self, weights: Layers) -> tuple[list[Array], list[Array], list[Array]]:
        """a of layers 1..L, and the prediction; slope and bend of layers 1..L."""
        a, slope, bend = [_with_column(self.x, 1)], [], []
        for W, slopes in zip(weights, self.slopes, strict=True):
            output, first, second = slopes(a[-1] @ W.T)
            a.append(_with_column(output, 1))
            slope.append(first)
            bend.append(second)
        return a, slope, bend

    def _backward(self, weights: Layers, a: Layers, slope: Layers) -> list[Array]:
        """delta = dL/dz of layers 1..L: at the last 2c (y' - y) g', and delta W g' at those before."""
        delta = [2 * self.scale * (a[-1][:, :-1] - self.y) * slope[-1]]
        for W, first in zip(weights[:0:-1], slope[-2::-1], strict=True):
            delta.insert(0, (delta[0] @ W[:, :-1]) * first)
        return delta

    def _tangent(
        self,
        weights: Layers,
        a: Layers,
        slope: Layers,
        bend: Layers,
        delta: Layers,
        direction: Layers,
    ) -> Array:
        """How the gradient changes in a direction V: the Hessian times V, by differentiating both passes along it."""
        a_dot, z_dot = [_with_column(0 * self.x, 0)], []
        for W, V, received, first in zip(weights, direction, a, slope, strict=False):
            z_dot.append(a_dot[-1] @ W.T + received @ V.T)
            a_dot.append(_with_column(first * z_dot[-1], 0))
        arriving = 2 * self.scale * (a[-1][:, :-1] - self.y)
        delta_dot = [2 * self.scale * a_dot[-1][:, :-1] * slope[-1] + arriving * bend[-1] * z_dot[-1]]
        for i in range(len(weights) - 1, 0, -1):
            arriving = delta[i] @ weights[i][:, :-1]
            arriving_dot = delta_dot[0] @ weights[i][:, :-1] + delta[i] @ direction[i][:, :-1]
            delta_dot.insert(0, arriving_dot * slope[i - 1] + arriving * bend[i - 1] * z_dot[i - 1])
        return np.concatenate(
            [
                (d_dot.T @ received + d.T @ received_dot).ravel()
                for d_dot, d, received, received_dot in zip(delta_dot, delta, a, a_dot, strict=False)
            ]
        )


def _balls(numbers: Array) -> Array:
    """The numbers as balls of radius 0."""
    balls: Array = np.vectorize(arb, otypes=[object])(numbers)
    return balls


def _with_column(array: Array, value: int) -> Array:
    """The array with one more column, of ones or zeros."""
    return np.hstack([array, _balls(np.full((len(array), 1), value))])
