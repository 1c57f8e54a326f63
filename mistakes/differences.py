"""How right programs differ from the contract: each a `Textbook` with other steps, and a sentence that says so.

Whoever writes log(p + 1e-7), or takes 1 for the slope of a ReLU at 0, has made no mistake; but numbers come out that
are not the contract's. What is said here of such a program has its numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from backproof.mistakes.textbook import Textbook
from backproof.reference_impl.contract import FUNCTIONS, Array, find_loss

# What people add inside of a logarithm, or clip predictions to.
LITTLE = (
    1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-20, 1e-30, 1e-37,
    1e-50, 1e-100, 1e-300, 1e-308, 2.0**-23, 2.0**-52, 2.0**-126, 2.0**-1022,
)  # fmt: skip

# How many times what is allowed an answer may be off by that only rounds more often.
CAP = 8


class Difference(Textbook):
    """A right way that is not the contract's.

    functions: which of the contract's functions it may show in. strengths: the numbers that are tried for it.
    """

    functions: ClassVar[Sequence[str]] = ("backward",)

    @classmethod
    def concerns(cls, activations: Sequence[str], loss: str) -> bool:
        """Whether it may show in a network of that kind."""
        return True

    def says(self) -> str:
        """What the program does, after its name."""
        raise NotImplementedError

    def matters(self) -> str:
        """Where that matters in practice, in a sentence."""
        raise NotImplementedError

    def declares(self) -> str:
        """How a `CONVENTION` says it, among its `differences`."""
        raise NotImplementedError


class AbsoluteAccuracy(Difference):
    """Elementary functions are accurate only absolutely, to a few units of roundoff."""

    functions: ClassVar[Sequence[str]] = FUNCTIONS

    def says(self) -> str:
        return "is accurate only absolutely"

    def matters(self) -> str:
        return "What is much smaller than 1, such as a sigmoid far below 0, has few correct digits or none."

    def declares(self) -> str:
        return "accuracy=absolute"


class Overflow(Difference):
    """Exponentials overflow, and give infinity or NaN where the contract's formula gives a number."""

    functions: ClassVar[Sequence[str]] = FUNCTIONS

    def says(self) -> str:
        return "gives NaN or infinity where |z| is above 709 (88 in float32): an exponential overflows"

    def matters(self) -> str:
        return "Training that runs into it does not come back; subtract the largest z first, or take exp(-|z|)."

    def declares(self) -> str:
        return "overflows=True"


class SinglePrecision(Difference):
    """Numbers pass through single precision on the way."""

    functions: ClassVar[Sequence[str]] = FUNCTIONS

    def says(self) -> str:
        return "computes in single precision inside"

    def matters(self) -> str:
        return "Of the 16 digits of float64 about 7 are right."

    def declares(self) -> str:
        return "precision=float32"


class MoreRoundings(Difference):
    """It rounds more often than is allowed, but not by much."""

    functions: ClassVar[Sequence[str]] = FUNCTIONS

    def says(self) -> str:
        return f"rounds more often than the usual formulas, up to {CAP} times what these may be off by"

    def matters(self) -> str:
        return "Its last digits are off by a few units more; nothing else is."

    def declares(self) -> str:
        return "accuracy=more roundings"


class SlopeAtZero(Difference):
    """The slope of a ReLU at exactly 0 is another subgradient than the contract's 0."""

    functions: ClassVar[Sequence[str]] = ("relu_prime", "backward")
    strengths = (1.0, 0.5)

    def __init__(self, slope: float) -> None:
        self._slope = slope

    def relu_prime(self, z: Array) -> Array:
        return np.where(z > 0, z.dtype.type(1), np.where(z < 0, z.dtype.type(0), z.dtype.type(self._slope)))

    def says(self) -> str:
        return f"takes {self._slope:g} for the slope of a ReLU at 0 (PyTorch and JAX take 0)"

    def matters(self) -> str:
        return "It shows only where a pre-activation is exactly 0, as with weights or inputs of 0."

    def declares(self) -> str:
        return f"slope_at_0={self._slope:g}"


class _InLogarithm(Difference):
    """Something small keeps logarithms, and quotients by predictions, finite; parameter: what a convention calls it."""

    parameter: ClassVar[str] = "clip"
    functions: ClassVar[Sequence[str]] = ("loss", "backward")
    strengths = LITTLE

    def __init__(self, little: float) -> None:
        self._little = little

    @classmethod
    def concerns(cls, activations: Sequence[str], loss: str) -> bool:
        return find_loss(loss).kind != "squared_error"

    def declares(self) -> str:
        return f"{self.parameter}={self._little:.3g}"

    def _off_by(self, share: float) -> str:
        """By how much, for a p of 1/2 and for small ones."""
        return (
            f"Its loss and gradient are off by {share * self._little:.1g} for p of 1/2, and wholly below p of "
            f"{self._little:.3g}."
        )


class _ByQuotient(_InLogarithm):
    """dL/dp as -y / p, and (1 - y) / (1 - p), multiplied by the slope of the prediction as it is."""

    def _denominators(self, p: Array, loss: str) -> tuple[Array, Array]:
        """What is divided by in place of p and of 1 - p."""
        raise NotImplementedError

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        kind = find_loss(loss).kind
        if kind == "squared_error":
            return p - y
        p_kept, q_kept = self._denominators(p, loss)
        v = -y / p_kept
        return v if kind == "cross_entropy" else v + (1 - y) / q_kept

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        if find_loss(loss).kind == "squared_error":
            return super().output_delta(v, z, p, g, loss)
        return self.softmax_backward(z, p, v) if g == "softmax" else self.times_prime(v, z, g)


class EpsilonInLogarithm(_ByQuotient):
    """log(p + epsilon), and the gradient that goes with it."""

    parameter = "epsilon"

    def log(self, p: Array) -> Array:
        return np.log(p + p.dtype.type(self._little))

    def _denominators(self, p: Array, loss: str) -> tuple[Array, Array]:
        epsilon = p.dtype.type(self._little)
        return p + epsilon, 1 - p + epsilon

    def says(self) -> str:
        return f"adds {self._little:.3g} inside of logarithms"

    def matters(self) -> str:
        return self._off_by(2)


class EpsilonInQuotient(_InLogarithm):
    """(p - y) / (p (1 - p) + epsilon), before it is multiplied by p (1 - p) again."""

    parameter = "epsilon"
    functions: ClassVar[Sequence[str]] = ("backward",)

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        if find_loss(loss).kind != "binary_cross_entropy" or g == "softmax":
            return super().output_delta(v, z, p, g, loss)
        return self.times_prime(v / self._kept_from_0(p * (1 - p)), z, g)

    def _kept_from_0(self, q: Array) -> Array:
        return q + q.dtype.type(self._little)

    def says(self) -> str:
        return f"adds {self._little:.3g} to the denominator p (1 - p)"

    def matters(self) -> str:
        return self._off_by(4)


class ClippedQuotient(EpsilonInQuotient):
    """(p - y) / max(p (1 - p), epsilon), before it is multiplied by p (1 - p) again."""

    parameter = "clip"

    def _kept_from_0(self, q: Array) -> Array:
        return np.maximum(q, q.dtype.type(self._little))

    def says(self) -> str:
        return f"keeps the denominator p (1 - p) at {self._little:.3g} or above"

    def matters(self) -> str:
        return f"It shows only where p is below {self._little:.3g} or as near to 1."


class ClippedPrediction(_InLogarithm):
    """Predictions are clipped to [epsilon, 1 - epsilon] before anything is made of them."""

    def _clipped(self, p: Array, loss: str) -> Array:
        if find_loss(loss).kind == "squared_error":
            return p
        one, least = p.dtype.type(1), p.dtype.type(self._little)
        return np.clip(p, least, one - least)

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        return super().loss(self._clipped(prediction, loss), y, loss)

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        return self._clipped(p, loss) - y

    def says(self) -> str:
        return f"clips predictions to [{self._little:.3g}, 1 - {self._little:.3g}]"

    def matters(self) -> str:
        return f"It shows only where a prediction is within {self._little:.3g} of 0 or 1."


class ClippedBelow(ClippedPrediction):
    """Predictions are kept at epsilon or above."""

    def _clipped(self, p: Array, loss: str) -> Array:
        if find_loss(loss).kind == "squared_error":
            return p
        return np.maximum(p, p.dtype.type(self._little))

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        return Textbook.loss(self, prediction, y, loss)

    def log(self, p: Array) -> Array:
        return np.log(np.maximum(p, p.dtype.type(self._little)))

    def says(self) -> str:
        return f"keeps what it takes logarithms of at {self._little:.3g} or above"


class ClippedUnderQuotient(_ByQuotient, ClippedPrediction):
    """-y / p with a clipped p, multiplied by the slope of the prediction as it is."""

    functions: ClassVar[Sequence[str]] = ("backward",)

    def _denominators(self, p: Array, loss: str) -> tuple[Array, Array]:
        clipped = self._clipped(p, loss)
        return clipped, 1 - clipped


class ClippedAsDifferentiated(ClippedUnderQuotient):
    """The same, with the clip's own slope, which is 0 outside."""

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        v = super().residual(p, y, loss)
        if find_loss(loss).kind == "squared_error":
            return v
        one, least = p.dtype.type(1), p.dtype.type(self._little)
        return np.where(p < least, least * 0, np.where(p > one - least, least * 0, v))


class SlopesOfOutputs(Difference):
    """Slopes are functions of the activation's output, a (1 - a) and 1 - a^2."""

    functions: ClassVar[Sequence[str]] = ("sigmoid_prime", "tanh_prime")

    def sigmoid_prime(self, z: Array) -> Array:
        return z * (1 - z)

    def tanh_prime(self, z: Array) -> Array:
        return 1 - z**2

    def says(self) -> str:
        return "takes slopes as functions of the output: a (1 - a), 1 - a²"

    def matters(self) -> str:
        return "Call them with an activation's output, and not with z."

    def declares(self) -> str:
        return "slopes_of_outputs=True"


class WithoutBiases(Difference):
    """There are no biases: what is given for them is not used, and their gradients are 0."""

    functions: ClassVar[Sequence[str]] = ("forward", "backward")

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        return a @ W.T

    def grad_bias(self, d: Array, dW: Array) -> Array:
        return np.zeros_like(d[0])

    def says(self) -> str:
        return "has no biases"

    def matters(self) -> str:
        return "Layers without biases are all that it can learn."

    def declares(self) -> str:
        return "biases=False"


class OneHotLabels(Difference):
    """Labels are one-hot: of a distribution over the classes, its largest takes all."""

    functions: ClassVar[Sequence[str]] = ("loss", "backward")

    def _classes(self, y: Array, loss: str) -> Array:
        if find_loss(loss).kind != "cross_entropy":
            return y
        numbers = np.asarray(getattr(y, "value", y))
        hard = np.arange(y.shape[1]) == numbers.argmax(axis=1)[:, None]
        return np.where(hard, y * 0 + 1, y * 0)

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        return p - self._classes(y, loss)

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        return super().loss(prediction, self._classes(y, loss), loss)

    def says(self) -> str:
        return "takes labels of a cross-entropy as class numbers, by the largest"

    def matters(self) -> str:
        return "Labels that are spread over several classes lose all but one."

    def declares(self) -> str:
        return "one_hot=True"


DIFFERENCES: dict[str, type[Difference]] = {
    name: value
    for name, value in list(globals().items())
    if isinstance(value, type)
    and issubclass(value, Difference)
    and not name.startswith("_")
    and value is not Difference
}


def by_declaration() -> dict[str, list[tuple[type[Difference], float | None]]]:
    """What a `CONVENTION` may declare, with the differences that it then has: each with its number, if it has one."""
    found: dict[str, list[tuple[type[Difference], float | None]]] = {}
    for kind in DIFFERENCES.values():
        for strength in kind.strengths or (None,):
            made = kind() if strength is None else kind(strength)  # type: ignore[call-arg]
            found.setdefault(made.declares(), []).append((kind, strength))
    return found
