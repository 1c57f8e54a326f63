"""Exact mode: networks whose every operation is exact, worked out in rational arithmetic.

With small integers, or few binary digits, under identity and ReLU, a squared error and means over powers of two,
nothing rounds. That is proven here and not hoped for. Where all terms of a sum are multiples of q, and their absolute
values sum up to no more than 2^p q, every sum of some of them is a number of p binary digits: no order of additions
rounds. So it is worked out for each quantity how many digits the operations need that lead to it. Where the precision
has them, there is one right answer, to the bit.

To the bit, but for the sign of a zero: a rational 0 has none. Which one floating-point arithmetic gives it, in -1 * 0
or in x - x, depends on the order of operations, and the contract leaves that open.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from flint import fmpq, fmpq_mat

from oracles.case import Answer, Case, Quantity
from reference_impl.contract import Array

# The binary digits of a dtype's numbers, and the largest denominator that a product of two of them may have.
DIGITS = {"float64": 53, "float32": 24}
LARGEST_DENOMINATOR = {"float64": 2**1022, "float32": 2**126}

ACTIVATIONS = {"identity", "relu"}


@dataclass(frozen=True)
class Exact:
    """The exact values of some quantities of a case, and how many binary digits the operations for each need."""

    values: Answer = field(default_factory=dict)
    digits: dict[Quantity, int] = field(default_factory=dict)


def exact_answer(case: Case) -> Exact:
    """The quantities of a case for which no operation rounds in the case's dtype.

    Looked at are outputs, loss, gradients and descent steps; none of them where an activation is not rational, or the
    loss has a logarithm.
    """
    found = Exact()
    if set(case.activations) <= ACTIVATIONS and case.loss_parts.kind == "squared_error":
        evaluation = _Evaluation(case, found)
        for part in (evaluation.passes, evaluation.steps):
            try:
                part()
            except _MayRoundError:
                continue
    return found


class _MayRoundError(Exception):
    """From here on an operation may round."""


class _Evaluation:
    """A case worked out as far as nothing rounds."""

    def __init__(self, case: Case, found: Exact) -> None:
        self.case, self.found = case, found

    def passes(self) -> None:
        """Forward through the layers, the loss, and back."""
        case = self.case
        a, z = [_rational(case.x)], []
        digits = self._needs(_absolute(a[0]), _denominator(a[0]))
        weights = [_rational(W) for W in case.weights]
        for i, (W, b, g) in enumerate(zip(weights, case.biases, case.activations, strict=True), 1):
            bias = _rational(np.broadcast_to(b, (case.n, len(b))))
            sizes = _absolute(a[-1]) * _absolute(W).transpose() + _absolute(bias)
            digits = max(digits, self._needs(sizes, math.lcm(_denominator(a[-1], W), _denominator(bias))))
            z.append(a[-1] * W.transpose() + bias)
            a.append(_each(lambda entry: max(entry, fmpq(0)), z[-1]) if g == "relu" else z[-1])
            self._keep(Quantity("output", i), a[-1], digits)
        y = _rational(case.y)
        sizes = _absolute(a[-1]) + _absolute(y)
        digits = max(digits, self._needs(sizes, math.lcm(_denominator(a[-1]), _denominator(y))))
        difference, scale = a[-1] - y, self._scale()
        self._loss(difference, scale, digits)
        self._backward(difference * (2 * scale), z, a, weights, digits)

    def _scale(self) -> fmpq:
        """The loss's scale c, a power of two: multiplying by it rounds nothing, wherever that is done."""
        parts, n, k = self.case.loss_parts, self.case.n, self.case.widths[-1]
        scale = fmpq(*parts.factor.as_integer_ratio()) / {"sum": 1, "mean": n, "entry_mean": n * k}[parts.reduction]
        self._needs(fmpq_mat(1, 1, [0]), int(scale.denominator))
        return scale

    def _loss(self, difference: fmpq_mat, scale: fmpq, digits: int) -> None:
        total = sum((entry * entry for entry in difference.entries()), start=fmpq(0))
        self._try(
            Quantity("loss"), fmpq_mat(1, 1, [total * scale]), fmpq_mat(1, 1, [total]), difference, difference, digits
        )

    def _backward(
        self, delta: fmpq_mat, z: list[fmpq_mat], a: list[fmpq_mat], weights: list[fmpq_mat], digits: int
    ) -> None:
        """delta_{i-1} = (delta_i W_i) * g', dW_i = delta_i^T x^(i) and db_i, the sum of delta_i over the samples."""
        ones = fmpq_mat(1, self.case.n, [1] * self.case.n)
        for i in range(self.case.depth, 0, -1):
            if self.case.activations[i - 1] == "relu":
                active = _each(lambda entry: fmpq(entry > 0), z[i - 1])
                delta = _products(delta, active)
            sizes, received = _absolute(delta), a[i - 1]
            self._try(
                Quantity("dW", i), delta.transpose() * received, sizes.transpose() * _absolute(received),
                delta, received, digits,
            )  # fmt: skip
            self._try(Quantity("db", i), ones * delta, ones * sizes, delta, ones, digits)
            if i > 1:
                W = weights[i - 1]
                digits = max(digits, self._needs(sizes * _absolute(W), _denominator(delta, W)))
                delta = delta * W

    def steps(self) -> None:
        """w - alpha g."""
        alpha = fmpq(*float(self.case.learning_rate).as_integer_ratio())
        for quantity, w, g in self.case.steps():
            before, change = _rational(np.atleast_2d(w)), _rational(np.atleast_2d(g)) * alpha
            sizes = _absolute(before) + _absolute(change)
            digits = self._needs(sizes, math.lcm(_denominator(before), _denominator(change)))
            self._keep(quantity, before - change, digits)

    def _try(
        self, quantity: Quantity, value: fmpq_mat, sizes: fmpq_mat, left: fmpq_mat, right: fmpq_mat, digits: int
    ) -> None:
        """Keep sums of products of entries of two matrices, where they don't round; nothing else depends on them."""
        try:
            self._keep(quantity, value, max(digits, self._needs(sizes, _denominator(left, right))))
        except _MayRoundError:
            return

    def _needs(self, sizes: fmpq_mat, denominator: int) -> int:
        """The binary digits for sums of multiples of 1 / denominator, whose absolute values sum up to the sizes.

        Raises _MayRoundError where the dtype does not have them.
        """
        digits = max(int((size * denominator).ceil()).bit_length() for size in sizes.entries())
        power_of_two = denominator & (denominator - 1) == 0
        dtype = self.case.dtype
        if digits > DIGITS[dtype] or not power_of_two or denominator > LARGEST_DENOMINATOR[dtype]:
            raise _MayRoundError
        return digits

    def _keep(self, quantity: Quantity, value: fmpq_mat, digits: int) -> None:
        numbers = np.array([float(entry) for entry in value.entries()])
        self.found.values[quantity] = numbers.reshape(self.case.shapes[quantity])
        self.found.digits[quantity] = digits


def _rational(matrix: Array) -> fmpq_mat:
    entries = [fmpq(*entry.as_integer_ratio()) for entry in matrix.ravel().tolist()]
    rows, columns = matrix.shape
    return fmpq_mat(rows, columns, entries)


def _denominator(*matrices: fmpq_mat) -> int:
    """One that products of entries, one of each matrix, have in common."""
    return math.prod(int(matrix.numer_denom()[1]) for matrix in matrices)


def _each(function: Callable[[fmpq], fmpq], matrix: fmpq_mat) -> fmpq_mat:
    return fmpq_mat(matrix.nrows(), matrix.ncols(), [function(entry) for entry in matrix.entries()])


def _absolute(matrix: fmpq_mat) -> fmpq_mat:
    return _each(abs, matrix)


def _products(left: fmpq_mat, right: fmpq_mat) -> fmpq_mat:
    """Entry by entry."""
    entries = [a * b for a, b in zip(left.entries(), right.entries(), strict=True)]
    return fmpq_mat(left.nrows(), left.ncols(), entries)
