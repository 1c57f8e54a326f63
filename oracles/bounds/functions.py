"""Error bounds of what needs no pass through a network: the activations and their derivatives at x, and the step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from backproof.oracles.bounds.activations import (
    sigmoid_curve,
    sigmoid_error,
    sigmoid_prime_error,
    tanh_curve,
    tanh_error,
    tanh_prime_error,
)
from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.bounds.layers import softmax_errors, softmax_values
from backproof.oracles.bounds.propagation import known
from backproof.oracles.bounds.roundoff import Roundoff, where
from backproof.oracles.compiling import Compiled
from backproof.oracles.layout import Layout
from backproof.oracles.stack import Flat, Stack
from backproof.reference_impl.contract import Array

BOUNDED = ("sigmoid", "sigmoid_prime", "tanh", "tanh_prime", "softmax", "relu", "relu_prime")


@Compiled
def _functions(
    rs: tuple[Roundoff, ...],
    inputs: Array,
    first_widths: Array,
    samples: Array,
    sigmoid: Array,
    sigmoid_prime: Array,
    tanh: Array,
    tanh_prime: Array,
    softmax: Array,
    relu: Array,
    relu_prime: Array,
    a: Array,
) -> None:
    """The bounds of the activations and their derivatives at x, which is exact, (A, F).

    Anybody may take a positive x that is too small to be normal for 0; for its slope an arithmetic that always does.
    """
    for i in range(len(inputs)):
        curve, other = sigmoid_curve(inputs[i]), tanh_curve(inputs[i])
        for n in range(len(rs)):
            sigmoid[n, i], sigmoid_prime[n, i] = sigmoid_error(rs[n], curve), sigmoid_prime_error(rs[n], curve)
            tanh[n, i], tanh_prime[n, i] = tanh_error(rs[n], other), tanh_prime_error(rs[n], other)
            lost = 0 < inputs[i] < rs[n].tiny
            relu[n, i], relu_prime[n, i] = where(lost, inputs[i], 0.0), where(lost and rs[n].flushes, np.inf, 0.0)
    at = 0
    for s in range(len(samples)):
        k = first_widths[s]
        for _ in range(samples[s]):
            x = inputs[at : at + k]
            softmax_values(x, a[:k])
            for n in range(len(rs)):
                softmax_errors(rs[n], x, a[:k], softmax[n, at : at + k])
            at += k
    for n in range(len(rs)):
        known(sigmoid[n])
        known(sigmoid_prime[n])
        known(tanh[n])
        known(tanh_prime[n])
        known(softmax[n])


@Compiled
def _steps(r: Roundoff, w: Array, g: Array, rates: Array, layout: Layout, found: Array) -> None:
    """The bounds of w - alpha g: alpha and the product round, and the difference does."""
    S, L = layout.starts.shape
    for s in range(S):
        alpha, start = rates[s], layout.starts[s, 0]
        end = layout.starts[s, L - 1] + layout.rows[s, L - 1] * layout.columns[s, L - 1]
        for i in range(start, end):
            step = alpha * g[i]
            error = r.u * (3 * abs(step) + abs(w[i] - step))
            found[i] = error + (2 * r.tiny if (w[i] != 0) | (g[i] != 0) else 0.0)
    known(found)


def functions(stack: Stack, arithmetics: Sequence[Arithmetic]) -> Flat:
    """The bounds of the activations and their derivatives at x, each in a line for every arithmetic."""
    shape = (len(arithmetics), len(stack.lines.x))
    found = {kind: np.empty(shape) for kind in BOUNDED}
    rs = tuple(map(Roundoff.of, arithmetics))
    _functions.for_multiplications(len(stack.lines.x))(
        rs, stack.lines.x, stack.first_widths, stack.samples, *found.values(), np.empty(stack.shape.width)
    )
    return found


def steps(stack: Stack, arithmetics: Sequence[Arithmetic]) -> Flat:
    """The bounds of w - alpha g, for the gradients that the cases try the step with, in a line for every arithmetic."""
    given, rates, found = stack.lines, stack.learning_rate, {}
    for kind, w, g in (("step_W", given.weights, given.step_weights), ("step_b", given.biases, given.step_biases)):
        found[kind] = np.empty((len(arithmetics), len(w)))
        for arithmetic, line in zip(arithmetics, found[kind], strict=True):
            _steps.for_multiplications(len(w))(Roundoff.of(arithmetic), w, g, rates, stack.layouts[kind], line)
    return found
