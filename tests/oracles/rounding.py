"""An evaluation that rounds every operation to few bits, or as far the wrong way as the standard model permits.

With few bits terms of second order show, and whatever a bound forgets is far larger than float64's own errors. Sums are
taken in a random order.
"""

import numpy as np

from backproof.oracles.bounds import Arithmetic
from backproof.oracles.case import Case, Quantity

EXP, TANH, LOG = 2, 3, 2


def toy_arithmetic(bits: int, operand_bits: int | None = None, accumulation_bits: int | None = None) -> Arithmetic:
    """The arithmetic of `Rounding` with the same bits; it neither under- nor overflows."""
    return Arithmetic(
        f"{bits} bits",
        2.0**-bits,
        2.3e-308,
        1e300,
        exp=EXP,
        tanh=TANH,
        log=LOG,
        operand_roundoff=0.0 if operand_bits is None else 2.0**-operand_bits,
        accumulation_roundoff=None if accumulation_bits is None else 2.0**-accumulation_bits,
    )


class Rounding:
    """How results are rounded: "nearest", as hardware does, or "wrong", up or down by all that is permitted.

    operand_bits: what the factors of a matrix product are rounded to first, if at all. accumulation_bits: what its
    products are added up in, if not in `bits`.
    """

    def __init__(
        self, bits: int, mode: str, seed: int, operand_bits: int | None = None, accumulation_bits: int | None = None
    ) -> None:
        self.u = 2.0**-bits
        self.mode = mode
        self.operands = None if operand_bits is None else Rounding(operand_bits, mode, seed)
        self.accumulated = None if accumulation_bits is None else Rounding(accumulation_bits, mode, seed)
        self.rng = np.random.default_rng(seed)

    def __call__(self, value):
        """The value, rounded."""
        if self.mode == "nearest":
            mantissa, exponent = np.frexp(value)
            return np.ldexp(np.round(mantissa / self.u) * self.u, exponent)
        return value * (1 + self.u / (1 + self.u) * self.sign(value))

    def sign(self, value):
        return self.rng.choice([-1.0, 1.0], size=np.shape(value))

    def function(self, value, constant):
        """The value of an elementary function that is off by up to constant * u."""
        return self(value) if self.mode == "nearest" else value * (1 + constant * self.u * self.sign(value))

    def sum(self, terms):
        """The sum over the last axis, one term after the other in a random order; adding 0 is exact."""
        order = self.rng.permutation(terms.shape[-1])
        total = terms[..., order[0]]
        for i in order[1:]:
            total = self.add(total, terms[..., i])
        return total

    def add(self, a, b):
        return np.where((a == 0) | (b == 0), a + b, self(a + b))

    def dot(self, a, b):
        """a b^T for a (n, k) and b (m, k)."""
        if self.operands is not None:
            a, b = self.operands(a), self.operands(b)
        if self.accumulated is None:
            return self.sum(self(a[:, None, :] * b[None, :, :]))
        return self(self.accumulated.sum(self.accumulated(a[:, None, :] * b[None, :, :])))


def evaluate(case: Case, fl: Rounding, forward: Rounding | None = None) -> dict[Quantity, np.ndarray]:
    """Outputs, loss and gradients of a case; forward: how outputs are rounded, if not as the rest is."""
    outputs, forward = [case.x], forward or fl
    for W, b, g in zip(case.weights, case.biases, case.activations, strict=True):
        outputs.append(_activate(forward, forward.add(forward.dot(outputs[-1], W), b), g))
    found = {Quantity("output", i): output for i, output in enumerate(outputs)}
    found[Quantity("loss")] = _loss(case, outputs[-1], fl)
    delta = _output_delta(case, outputs[-1], fl)
    for i in range(case.depth, 0, -1):
        found[Quantity("dW", i)] = fl.dot(delta.T, outputs[i - 1].T)
        found[Quantity("db", i)] = fl.sum(delta.T)
        if i > 1:
            h = fl.dot(delta, case.weights[i - 1].T)
            delta = _times_derivative(fl, h, outputs[i - 1], case.activations[i - 2])
    return found


def _activate(fl, z, g):
    if g == "relu":
        return np.maximum(z, 0)
    if g == "tanh":
        return fl.function(np.tanh(z), TANH)
    if g == "sigmoid":
        e = fl.function(np.exp(-np.abs(z)), EXP)
        return fl(np.where(z >= 0, 1, e) / fl(1 + e))
    if g == "softmax":
        e = fl.function(np.exp(fl(z - z.max(axis=1, keepdims=True))), EXP)
        return fl(e / fl.sum(e)[:, None])
    return z


def _times_derivative(fl, v, a, g):
    if g == "relu":
        return np.where(a > 0, v, 0)
    if g == "sigmoid":
        return fl(v * fl(a * fl(1 - a)))
    if g == "tanh":
        return fl(v * fl(1 - fl(a * a)))
    return v


def _output_delta(case, p, fl):
    y, c, kind, g = case.y, case.loss_scale, case.loss_parts.kind, case.activations[-1]
    if kind == "cross_entropy" or (kind == "binary_cross_entropy" and g == "sigmoid"):
        return fl(c * fl(p - y))
    if kind == "squared_error":
        v = fl(fl(2 * c) * fl(p - y))
        return _softmax_backward(fl, p, v) if g == "softmax" else _times_derivative(fl, v, p, g)
    return _softmax_backward(fl, p, fl(c * fl(fl(p - y) / fl(p * fl(1 - p)))))


def _softmax_backward(fl, p, v):
    return fl(p * fl(v - fl.sum(fl(p * v))[:, None]))


def _loss(case, p, fl):
    y, kind = case.y, case.loss_parts.kind
    if kind == "squared_error":
        terms = fl(fl(p - y) ** 2)
    else:
        terms = _entropy(fl, y, p)
        if kind == "binary_cross_entropy":
            terms = fl(terms + _entropy(fl, fl(1 - y), fl(1 - p)))
    return fl(case.loss_scale * fl.sum(np.ravel(terms)))


def _entropy(fl, y, p):
    return np.where(y == 0, 0, fl(-y * fl.function(np.log(np.where(y == 0, 1, p)), LOG)))
