"""Rounding errors followed through networks: forward through the layers, through the loss, and back through the deltas.

Of every entry there is its value in float64, and how far it may be off: by its *size*. By affine arithmetic a rounding
error is an unknown xi_p with |xi_p| <= m_p. To first order an entry's error is sum_p J_p xi_p; J is carried along with
its signs, so that where paths through the network cancel, their errors do, and what that leaves out is bounded by a
rest, which after each layer is made unknowns too. (De Figueiredo and Stolfi, "Affine arithmetic: concepts and
applications", Numerical Algorithms 37, 2004.) Nothing else is done where no error is made an unknown: all of it is in
the rest then, whose signs are forgotten at each layer.

That takes a small fraction of the time, and is enough for most networks in float64. So it is tried first; where it
leaves an entry of a gradient coarse, the errors are followed, and the smaller of the two bounds counts.

The formulas are those of the other modules, for single numbers. What is left to do here is to go through networks,
samples and layers, one after the other.

Notation: z and a are the pre-activation and output of a layer, delta = dL/dz. A quantum is a power of two that divides
all entries of an array that is exact, else 0. It is known forward, where it decides on which side of a kink a neuron
lies; loss and gradients are allowed to round even where nothing would have to. Layers are counted from 0.
"""

from __future__ import annotations

import numpy as np

from backproof.oracles.bounds.arithmetic import Arithmetic
from backproof.oracles.bounds.layers import (
    IDENTITY,
    RELU,
    activate,
    gradient_errors,
    is_unsure,
    times,
    times_derivative,
)
from backproof.oracles.bounds.outputs import loss_of_rows, output_delta
from backproof.oracles.bounds.roundoff import Roundoff
from backproof.oracles.bounds.rows import (
    Found,
    Network,
    Sums,
    Work,
    any_off,
    few_digits,
    of_layer,
    positive_sum_error,
    rows_at,
    settle,
    size_of,
)
from backproof.oracles.compiling import Compiled, can_compile, inner
from backproof.oracles.powers import common_power
from backproof.oracles.stack import Flat, Lines, Stack
from backproof.reference_impl.contract import Array

LARGEST_POWER = 2.0**1023

# An entry of a gradient is coarse where more than this is allowed, relative to the largest of its array: so many units
# of roundoff, or in a precision that has none so small a thousandth.
COARSE, COARSEST = 1 << 13, 1e-3

# Errors are followed where that takes no more multiplications than this, compiled (about ten seconds) or as it stands
# (about one).
AFFORDABLE, AFFORDABLE_AS_IT_STANDS = 1 << 35, 1 << 19

# And where J has no more numbers than this, of all layers: a gigabyte.
HELD = 1 << 27


@inner
def _samples(r: Roundoff, net: Network, start: int, n: int, y: Array, work: Work) -> tuple[float, float, np.int64]:
    """n samples through a network, forward and back; errors are followed through one at a time.

    What the loss's terms may be off by in p, and for their evaluation; and how many neurons are too near a kink.
    """
    L = len(net.activations)
    a = rows_at(work, L, n * net.widths[0])
    used, undecided = np.int64(0), np.int64(0)
    for i in range(len(a.value)):
        a.value[i] = work.a[0, start * net.widths[0] + i]
        a.spread[i], a.rest[i], a.rounding[i] = 0.0, 0.0, 0.0
    quantum = common_power(LARGEST_POWER, a.value) if few_digits(a.value) else 0.0
    for t in range(L):
        k, received, activation = net.widths[t + 1], net.widths[t], net.activations[t]
        z = rows_at(work, t, n * k)
        M = of_layer(net.turned, net.at_weights, t, received * k)
        b = of_layer(net.biases, net.at_biases, t, k)
        quantum = min(quantum * net.weight_powers[t], net.bias_powers[t]) if quantum > 0 else 0.0
        was_off = quantum > 0 and any_off(a)
        times(r, M, b, net.full[t], n, a, used, quantum, work, z)
        if was_off or activation not in (IDENTITY, RELU) or (quantum > 0 and any_off(z)):
            quantum = 0.0
        if t == L - 1:
            used = settle(work, z, used)
        if activation == RELU:
            for j in range(n * k):
                undecided += is_unsure(z.value[j], size_of(z, j))
        a = rows_at(work, L + (t + 1) % 2, n * k)
        activate(r, activation, n, z, used, work, a)
        work.used[t] = used
        used = settle(work, a, used)
        for j in range(n * k):
            work.a[t + 1, start * k + j], work.a_size[t + 1, start * k + j] = a.value[j], size_of(a, j)
    off, evaluation = loss_of_rows(r, net.loss, a, y, used, work, start * net.widths[L])
    delta = rows_at(work, L + 2, len(y))
    output_delta(r, net, n, z, a, y, used, work, delta)
    for t in range(L - 1, -1, -1):
        k, received = net.widths[t + 1], net.widths[t]
        used = settle(work, delta, used)
        for j in range(n * k):
            work.d[t, start * k + j], work.d_size[t, start * k + j] = delta.value[j], size_of(delta, j)
        if t == 0:
            break
        W = of_layer(net.weights, net.at_weights, t, received * k)
        h = rows_at(work, L + 2 + (L - t) % 2, n * received)
        times(r, W, work.nothing[:received], net.full[t], n, delta, used, 0.0, work, h)
        times_derivative(r, net.activations[t - 1], rows_at(work, t - 1, n * received), work.used[t - 1], h, used, work)
        delta = h
    return off, evaluation, undecided


@inner
def _network(r: Roundoff, net: Network, x: Array, y: Array, n: int, work: Work, found: Found) -> float:
    """The bounds of all that a network gives forward and backward for n samples; how coarse those of dW are."""
    L, k, outputs = len(net.activations), net.widths[0], net.widths[-1]
    for i in range(n * k):
        work.a[0, i], work.a_size[0, i] = x[i], 0.0
    off, evaluation = 0.0, 0.0
    found.undecided[0] = 0
    together = 1 if len(work.m) > 0 else n
    for s in range(0, n, together):
        of_rows = _samples(r, net, s, together, y[s * outputs : (s + together) * outputs], work)
        off += of_rows[0]
        evaluation += of_rows[1]
        found.undecided[0] += of_rows[2]
    found.loss[0] = net.scale * (off + evaluation + positive_sum_error(r, work.terms, n * outputs))
    at, coarse = 0, 0.0
    for t in range(L + 1):
        for i in range(n * net.widths[t]):
            found.output[at + i] = work.a_size[t, i]
        at += n * net.widths[t]
    for t in range(L):
        received, k = net.widths[t], net.widths[t + 1]
        of_W = of_layer(found.of_weights, net.at_weights, t, received * k)
        of_b = of_layer(found.of_biases, net.at_biases, t, k)
        coarse = max(coarse, gradient_errors(r, work, t, n, received, k, of_W, of_b))
    return coarse


@inner
def _turn(W: Array, k: int, received: int, turned: Array) -> bool:
    """W^T; whether no entry is 0."""
    full = True
    for j in range(k):
        for i in range(received):
            turned[i * k + j] = W[j * received + i]
            full = full and W[j * received + i] != 0
    return full


@inner
def known(array: Array) -> None:
    """Infinite where nothing can be said."""
    for i in range(len(array)):
        if np.isnan(array[i]):
            array[i] = np.inf


@Compiled
def _passes(
    r: Roundoff,
    chosen: Array,
    given: Lines,
    widths: Array,
    samples: Array,
    depths: Array,
    activations: Array,
    kinds: Array,
    scales: Array,
    work: Work,
    found: Found,
    coarse: Array,
) -> None:
    """The bounds of all that the chosen ones of a stack's networks give forward and backward; how coarse those are."""
    L, K = widths.shape[1] - 1, len(work.nothing)
    at_weights, at_biases, full = np.zeros(L, np.int64), np.zeros(L, np.int64), np.zeros(L, np.bool_)
    turned, weight_powers, bias_powers = np.empty(L * K * K), np.empty(L), np.empty(L)
    at_x, at_y, at_output, at_dW, at_db = 0, 0, 0, 0, 0
    for s in range(len(widths)):
        n, first, of_W, of_b, outputs = samples[s], L - depths[s], 0, 0, samples[s] * widths[s, L - depths[s]]
        for t in range(first, L):
            received, k = widths[s, t], widths[s, t + 1]
            at_weights[t - first], at_biases[t - first] = of_W, of_b
            of_W += received * k
            of_b += k
            outputs += n * k
        if chosen[s]:
            own = Network(
                widths[s, first:],
                activations[s, first:],
                given.weights[at_dW : at_dW + of_W],
                turned,
                given.biases[at_db : at_db + of_b],
                at_weights,
                at_biases,
                full,
                weight_powers,
                bias_powers,
                kinds[s],
                scales[s],
            )
            for t in range(depths[s]):
                received, k = own.widths[t], own.widths[t + 1]
                W, b = of_layer(own.weights, at_weights, t, received * k), of_layer(own.biases, at_biases, t, k)
                full[t] = _turn(W, k, received, turned[at_weights[t] :])
                weight_powers[t], bias_powers[t] = common_power(LARGEST_POWER, W), common_power(LARGEST_POWER, b)
            coarse[s] = _network(
                r,
                own,
                given.x[at_x : at_x + n * widths[s, first]],
                given.y[at_y : at_y + n * widths[s, L]],
                n,
                work,
                Found(
                    found.output[at_output : at_output + outputs],
                    found.loss[s : s + 1],
                    found.of_weights[at_dW : at_dW + of_W],
                    found.of_biases[at_db : at_db + of_b],
                    found.undecided[s : s + 1],
                ),
            )
        at_x += n * widths[s, first]
        at_y += n * widths[s, L]
        at_output += outputs
        at_dW += of_W
        at_db += of_b
    known(found.output)
    known(found.loss)
    known(found.of_weights)
    known(found.of_biases)


def passes(stack: Stack, arithmetic: Arithmetic) -> tuple[Flat, Array]:
    """The bounds of outputs, loss, dW and db, each in a line, and how many neurons are too near a kink (S,)."""
    everybody = np.ones(len(stack.cases), bool)
    products = stack.samples * (stack.widths[:, :-1] * stack.widths[:, 1:]).sum(axis=1)
    found, coarse = _run(stack, arithmetic, everybody, 0, int(products.sum()))
    unknowns = 2 * stack.widths[:, 1:].sum(axis=1) + stack.widths[:, -1]
    held = (stack.depths + 4) * stack.widths.max(axis=1) * unknowns
    affordable = AFFORDABLE if can_compile() else min(AFFORDABLE, AFFORDABLE_AS_IT_STANDS)
    chosen = (products * unknowns <= affordable) & (held <= HELD)
    chosen &= coarse > min(COARSE * arithmetic.unit_roundoff, COARSEST)
    if chosen.any():
        multiplications = int((products * unknowns)[chosen].sum())
        again, _ = _run(stack, arithmetic, chosen, int(unknowns[chosen].max()), multiplications)
        for bound, other in zip(found[:-1], again[:-1], strict=True):
            np.minimum(bound, other, out=bound)
        found.undecided[chosen] = again.undecided[chosen]
    return {"output": found.output, "loss": found.loss, "dW": found.of_weights, "db": found.of_biases}, found.undecided


def _run(stack: Stack, arithmetic: Arithmetic, chosen: Array, P: int, multiplications: int) -> tuple[Found, Array]:
    """The bounds of some networks, infinite for the others, with so many unknowns at most; and how coarse they are."""
    L, K, N = stack.depth, int(stack.widths.max()), stack.longest
    F = K if P else N * K
    output, loss, of_weights, of_biases = (
        np.full(int(stack.sizes[kind].sum()), np.inf) for kind in ("output", "loss", "dW", "db")
    )
    found = Found(output, loss, of_weights, of_biases, undecided=np.zeros(len(chosen), np.int64))
    work = Work(
        rows=np.empty((L + 4, 4, F)),
        linear=np.empty((L + 4, F, P)),
        used=np.zeros(L, np.int64),
        m=np.empty(P),
        line=np.empty(P),
        a=np.empty((L + 1, N * K)),
        a_size=np.empty((L + 1, N * K)),
        d=np.empty((L, N * K)),
        d_size=np.empty((L, N * K)),
        terms=np.empty(N * K),
        nothing=np.zeros(K),
        sums=Sums(*np.empty((4, F))),
    )
    coarse = np.zeros(len(chosen))
    _passes.for_multiplications(multiplications)(
        Roundoff.of(arithmetic),
        chosen,
        stack.lines,
        stack.widths,
        stack.samples,
        stack.depths,
        stack.activations,
        stack.loss,
        stack.scale,
        work,
        found,
        coarse,
    )
    return found, coarse
