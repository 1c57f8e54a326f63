"""Numbers that carry how far an honest evaluation may be from them: any formula in NumPy, with a bound of its own.

This is running error analysis (Wilkinson; Higham, "Accuracy and stability of numerical algorithms", ch. 3.3): every
operation adds what it may be off by itself to what it makes of the errors of its operands. It is coarser than `bounds`,
which follows errors through a network at once, and it needs no derivation: formulas that are not the contract's, such
as a logarithm with an epsilon, have bounds as soon as they can be written down.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from backproof.reference_impl.contract import Array

# How many roundings an operation is granted: one of its own, and one more, because formulas of the same mathematics
# differ in where a factor or a mean comes in.
ROUNDINGS = 2

# How many units of roundoff an elementary function may be off by, relative to its value: twice the largest error of
# NumPy's, PyTorch's and XLA's that `arithmetic` knows.
ELEMENTARY = 16

# The values are worked out in it; where it is no wider than float64, they are no more exact than that.
Wide = np.longdouble


class Decision:
    """The outcome of a comparison, entry by entry, and whether rounding could have decided otherwise."""

    def __init__(self, true: Array, undecided: Array, dtype: np.dtype[Any]) -> None:
        self.true, self.undecided, self.dtype = true, undecided, dtype

    def astype(self, dtype: np.dtype[Any]) -> Running:
        """1 where it is true, else 0."""
        return where(self, Running.exact(1.0, dtype), Running.exact(0.0, dtype))

    def __array_function__(
        self, function: Callable[..., Any], _types: Any, given: Sequence[Any], _named: Mapping[str, Any]
    ) -> Any:
        return where(*given) if function is np.where else NotImplemented


class Running(NDArrayOperatorsMixin):
    """An array of numbers, and what an evaluation in the precision of `dtype` may be off by, entry by entry."""

    def __init__(self, value: Any, error: Any, dtype: np.dtype[Any]) -> None:
        self.value = np.asarray(value, Wide)
        self.error = np.broadcast_to(np.asarray(error, Wide), self.value.shape)
        self.dtype = np.dtype(dtype)

    @classmethod
    def exact(cls, value: Any, dtype: np.dtype[Any] | str) -> Self:
        """Numbers as they are given."""
        return cls(value, 0.0, np.dtype(dtype))

    @classmethod
    def rounded(cls, value: Array, dtype: np.dtype[Any] | str) -> Self:
        """Numbers that are rounded to a precision first."""
        return cls(value, unit(np.dtype(dtype)) * np.abs(value), np.dtype(dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        """As an array has it."""
        return self.value.shape

    @property
    def T(self) -> Running:  # noqa: N802
        """Transposed."""
        return Running(self.value.T, self.error.T, self.dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, at: Any) -> Running:
        return Running(self.value[at], self.error[at], self.dtype)

    def sum(self, axis: int | None = None, *, keepdims: bool = False) -> Running:
        """A sum in any order."""
        return total(self, axis, keepdims=keepdims)

    def max(self, axis: int | None = None, *, keepdims: bool = False) -> Running:
        """The largest; what rounding makes the largest is off by no more than the worst of them."""
        error = self.error.max(axis=axis, keepdims=keepdims)
        return Running(self.value.max(axis=axis, keepdims=keepdims), error, self.dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **_: Any) -> Any:
        done = _UFUNCS.get(ufunc)
        if done is None or method != "__call__":
            return NotImplemented
        if any(isinstance(each, Decision) for each in inputs):
            return NotImplemented
        with np.errstate(all="ignore"):
            return done(*(_running(each, self.dtype) for each in inputs))

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Decision):
            return where(other, self, Running.exact(0.0, self.dtype))
        return super().__mul__(other)

    def __array_function__(
        self, function: Callable[..., Any], _types: Any, given: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        done = _FUNCTIONS.get(function)
        return NotImplemented if done is None else done(*given, **named)


def unit(dtype: np.dtype[Any]) -> float:
    """The unit roundoff."""
    return float(np.finfo(dtype).eps) / 2


def _running(value: Any, dtype: np.dtype[Any]) -> Running:
    """What carries its error already, or an exact number."""
    return value if isinstance(value, Running) else Running.exact(value, dtype)


def where(decision: Any, if_true: Any, if_false: Any) -> Running:
    """One or the other; where rounding decides, both are right."""
    dtype = (
        decision.dtype
        if isinstance(decision, Decision)
        else next(each.dtype for each in (if_true, if_false) if isinstance(each, Running))
    )
    a, b = (_running(each, dtype) for each in (if_true, if_false))
    if not isinstance(decision, Decision):
        return Running(np.where(decision, a.value, b.value), np.where(decision, a.error, b.error), dtype)
    with np.errstate(all="ignore"):
        value, error = np.where(decision.true, a.value, b.value), np.where(decision.true, a.error, b.error)
        either = np.abs(a.value - b.value) + np.maximum(a.error, b.error)
    return Running(value, np.where(decision.undecided, either, error), dtype)


def total(a: Running, axis: int | None, *, keepdims: bool = False) -> Running:
    """A sum of t terms in any order is off by at most (t - 1) u sum |terms|, where it is not exact."""
    value, absolute = (part.sum(axis=axis, keepdims=keepdims) for part in (a.value, np.abs(a.value)))
    terms = a.value.size if axis is None else a.value.shape[axis]
    error = a.error.sum(axis=axis, keepdims=keepdims)
    return _with_sums(value, absolute, error, a, axis, keepdims, terms)


def _with_sums(
    value: Array, absolute: Array, error: Array, terms: Running, axis: int | None, keepdims: bool, number: int
) -> Running:
    """A sum's own error on top of its terms', but where all terms are multiples of one power of two, and few enough."""
    u, dtype = unit(terms.dtype), terms.dtype
    with np.errstate(all="ignore"):
        quantum = np.exp2(np.ceil(np.log2(absolute)) + np.log2(2 * u))
        each = terms.value / (quantum if keepdims or axis is None else np.expand_dims(quantum, axis))
        whole = (each == np.rint(each)).all(axis=axis, keepdims=keepdims)
        fresh = np.where((error == 0) & (whole | (absolute == 0)), 0.0, ROUNDINGS * number * u * (absolute + error))
    return Running(value, error + fresh, dtype)


def _fresh(value: Array, error: Array, dtype: np.dtype[Any], roundings: float = ROUNDINGS) -> Running:
    """A result with what it is rounded by, which is nothing where it is exact and can be represented."""
    info, u = np.finfo(dtype), unit(dtype)
    # What is too small to be normal may be lost, and so may 1 / x where x overflows.
    whole = (error == 0) & (value.astype(dtype).astype(Wide) == value)
    rounding = roundings * u * (np.abs(value) + error) + float(info.smallest_normal)
    too_large = np.abs(value) + error > float(info.max)
    return Running(value, np.where(too_large, np.inf, error + np.where(whole, 0.0, rounding)), dtype)


def _plus(a: Running, b: Running) -> Running:
    return _fresh(a.value + b.value, a.error + b.error, a.dtype)


def _minus(a: Running, b: Running) -> Running:
    return _fresh(a.value - b.value, a.error + b.error, a.dtype)


def _times(a: Running, b: Running) -> Running:
    error = _product(np.abs(a.value), b.error) + _product(np.abs(b.value), a.error) + _product(a.error, b.error)
    return _fresh(a.value * b.value, error, a.dtype)


def _product(a: Array, b: Array) -> Array:
    """A product in which 0 times infinity is 0: what is exactly 0 is not off by anything."""
    return np.where((a == 0) | (b == 0), 0.0, a * b)


def _over(a: Running, b: Running) -> Running:
    value = a.value / b.value
    least = np.abs(b.value) - b.error
    return _fresh(value, np.where(least > 0, (a.error + np.abs(value) * b.error) / least, np.inf), a.dtype)


def _power(a: Running, b: Running) -> Running:
    if not np.all(b.value == 2):
        raise TypeError("only squares have an error here")
    return _times(a, a)


def _product_of_matrices(a: Running, b: Running) -> Running:
    with np.errstate(all="ignore"):
        value, absolute = a.value @ b.value, np.abs(a.value) @ np.abs(b.value)
        error = np.abs(a.value) @ b.error + a.error @ np.abs(b.value) + a.error @ b.error
    if a.error.any() or b.error.any():
        u = unit(a.dtype)
        tiny = float(np.finfo(a.dtype).smallest_normal)
        fresh = ROUNDINGS * a.shape[-1] * (u * (absolute + error) + tiny)
        fresh = np.where((absolute == 0) & (error == 0), 0.0, fresh)  # products that are exactly 0 do not count
        return Running(value, np.where(np.isfinite(value), error + fresh, np.inf), a.dtype)
    terms = Running(a.value[:, :, None] * b.value[None], 0.0, a.dtype)
    return _with_sums(value, absolute, error, terms, 1, False, a.shape[-1])


def _exponential(a: Running) -> Running:
    value = np.exp(a.value)
    return _fresh(value, value * np.expm1(a.error), a.dtype, ELEMENTARY)


def _logarithm(a: Running) -> Running:
    least = a.value - a.error
    error = np.where(least > 0, np.log(a.value / np.where(least > 0, least, 1)), np.where(a.error > 0, np.inf, 0.0))
    return _fresh(np.log(a.value), error, a.dtype, ELEMENTARY)


def _tanh(a: Running) -> Running:
    value = np.tanh(a.value)
    nearest = np.maximum(np.abs(a.value) - a.error, 0)
    return _fresh(value, a.error / np.cosh(nearest) ** 2, a.dtype, ELEMENTARY)


def _compared(compare: Callable[[Array, Array], Array]) -> Callable[[Running, Running], Decision]:
    def done(a: Running, b: Running) -> Decision:
        error = a.error + b.error
        return Decision(compare(a.value, b.value), (np.abs(a.value - b.value) <= error) & (error > 0), a.dtype)

    return done


def _extreme(choose: np.ufunc) -> Callable[[Running, Running], Running]:
    return lambda a, b: Running(choose(a.value, b.value), np.maximum(a.error, b.error), a.dtype)


def _clip(a: Running, low: Any, high: Any) -> Running:
    return _extreme(np.minimum)(_extreme(np.maximum)(a, _running(low, a.dtype)), _running(high, a.dtype))


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _plus,
    np.subtract: _minus,
    np.multiply: _times,
    np.divide: _over,
    np.power: _power,
    np.matmul: _product_of_matrices,
    np.negative: lambda a: Running(-a.value, a.error, a.dtype),
    np.absolute: lambda a: Running(np.abs(a.value), a.error, a.dtype),
    np.exp: _exponential,
    np.log: _logarithm,
    np.tanh: _tanh,
    np.maximum: _extreme(np.maximum),
    np.minimum: _extreme(np.minimum),
    np.greater: _compared(operator.gt),
    np.greater_equal: _compared(operator.ge),
    np.less: _compared(operator.lt),
}
_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.where: where,
    np.clip: _clip,
    np.ones_like: lambda a: Running.exact(np.ones(a.shape), a.dtype),
    np.zeros_like: lambda a: Running.exact(np.zeros(a.shape), a.dtype),
}
