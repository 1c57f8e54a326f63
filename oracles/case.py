"""A case: one network with its samples and labels, everything that determines what is to be computed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import msgspec
import numpy as np

from backproof.reference_impl.contract import (
    ACTIVATIONS,
    HIDDEN_ACTIVATIONS,
    OUTPUT_ACTIVATIONS,
    Array,
    Loss,
    find_loss,
)

DTYPES = ("float64", "float32")


class Quantity(NamedTuple):
    """What is compared: a kind, and for a layer's own the layer's number (0 is the input, layer L the last)."""

    kind: str
    layer: int | None = None

    def __str__(self) -> str:
        return self.kind if self.layer is None else f"{self.kind}[{self.layer}]"


# What a function of the contract answers, by kind. The activations are asked at the case's input x.
KINDS = {
    "forward": ("output",),
    "loss": ("loss",),
    "backward": ("dW", "db"),
    "sigmoid": ("sigmoid",),
    "sigmoid_prime": ("sigmoid_prime",),
    "relu": ("relu",),
    "relu_prime": ("relu_prime",),
    "tanh": ("tanh",),
    "tanh_prime": ("tanh_prime",),
    "softmax": ("softmax",),
    "gradient_descent_step": ("step_W", "step_b"),
}
# The kinds that are asked at the input.
OF_INPUT = ("sigmoid", "sigmoid_prime", "relu", "relu_prime", "tanh", "tanh_prime", "softmax")
FUNCTION_OF_KIND = {kind: function for function, kinds in KINDS.items() for kind in kinds}

Answer = dict[Quantity, Array]
Shapes = list[tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class Case:
    """One network, its batch and its labels, in one dtype.

    weights: L arrays (k_i, k_{i-1}); biases: L arrays (k_i,); x (n, k_0); y (n, k_L); activations: L names; loss: a
    name of the contract. `name` says where a drawn case comes from and is empty for one written out in full.

    Raises ValueError where the parts do not fit together.
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]
    x: Array
    y: Array
    activations: tuple[str, ...]
    loss: str
    learning_rate: float
    name: str = ""

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def of_parts_that_fit(cls, **parts: Any) -> Case:
        """The case of these parts, unchecked, for those who make nothing else: checking takes as long as drawing."""
        case = object.__new__(cls)
        case.__dict__.update(parts)
        return case

    @property
    def depth(self) -> int:
        """L, the number of layers."""
        return len(self.weights)

    @property
    def n(self) -> int:
        """The number of samples."""
        return self.x.shape[0]

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """k_0, k_1, ..., k_L."""
        return (self.x.shape[1], *(W.shape[0] for W in self.weights))

    @cached_property
    def dtype(self) -> str:
        """The one dtype of all arrays."""
        return str(self.x.dtype)

    @cached_property
    def loss_parts(self) -> Loss:
        """The loss by kind, factor and reduction."""
        return find_loss(self.loss)

    @cached_property
    def loss_scale(self) -> float:
        """What multiplies the sum of the loss's terms."""
        return self.loss_parts.scale(self.n, self.widths[-1])

    @cached_property
    def size(self) -> int:
        """How many numbers the case consists of."""
        return sum(array.size for array in (self.x, self.y, *self.weights, *self.biases))

    @property
    def architecture(self) -> str:
        """Widths and activations in one line, as in "2 -relu- 3 -softmax- 2"."""
        return say_architecture(self.widths, self.activations)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Everything that is compared on this case, in the order of every answer."""
        return tuple(self.shapes)

    @cached_property
    def shapes(self) -> dict[Quantity, tuple[int, ...]]:
        """The shape of every quantity, in the order of every answer."""
        shapes = self.kind_shapes
        return {
            **{Quantity("output", i): shape for i, shape in enumerate(shapes["output"])},
            Quantity("loss"): (),
            **{Quantity(kind, i): shape for kind in ("dW", "db") for i, shape in enumerate(shapes[kind], 1)},
            **{Quantity(kind): self.x.shape for kind in OF_INPUT},
            **{Quantity(kind, i): shape for kind in ("step_W", "step_b") for i, shape in enumerate(shapes[kind], 1)},
        }

    @cached_property
    def kind_shapes(self) -> dict[str, Shapes]:
        """The shapes of each kind of quantity, layer by layer."""
        n, widths = self.n, self.widths
        of_input: Shapes = [(n, widths[0])]
        matrices: Shapes = [(k, received) for received, k in itertools.pairwise(widths)]
        vectors: Shapes = [(k,) for k in widths[1:]]
        return {
            "output": [(n, k) for k in widths],
            "loss": [()],
            "dW": matrices,
            "db": vectors,
            **dict.fromkeys(OF_INPUT, of_input),
            "step_W": matrices,
            "step_b": vectors,
        }

    def step_gradients(self) -> tuple[list[Array], list[Array]]:
        """Gradients to try the descent step with: any of the right shapes serve, here the weights' entries reversed."""
        return [np.flip(W).copy() for W in self.weights], [np.flip(b).copy() for b in self.biases]

    def steps(self) -> list[tuple[Quantity, Array, Array]]:
        """For every array that the descent step gives: the quantity, where it starts, and its gradient."""
        grad_weights, grad_biases = self.step_gradients()
        return [
            *(
                (Quantity("step_W", i), W, dW)
                for i, (W, dW) in enumerate(zip(self.weights, grad_weights, strict=True), 1)
            ),
            *(
                (Quantity("step_b", i), b, db)
                for i, (b, db) in enumerate(zip(self.biases, grad_biases, strict=True), 1)
            ),
        ]

    def cast(self, dtype: str) -> Case:
        """The case with every array rounded to dtype; the rounded numbers are then the exact inputs.

        Raises ValueError for a dtype that cases do not have.
        """
        if dtype not in DTYPES:
            raise ValueError(f"an implementation is judged in {' or '.join(DTYPES)}, and not in {dtype}")
        if self.dtype == dtype:
            return self
        return replace(
            self,
            weights=tuple(W.astype(dtype) for W in self.weights),
            biases=tuple(b.astype(dtype) for b in self.biases),
            x=self.x.astype(dtype),
            y=self.y.astype(dtype),
        )

    def rounded(self, dtype: str) -> Case:
        """The case with every number rounded to a dtype, bfloat16 and float16 among them, in arrays of float64.

        Raises ValueError where a number is too large for the dtype.
        """
        import ml_dtypes

        def rounded(array: Array) -> Array:
            with np.errstate(over="ignore"):
                return array.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype).astype(np.float64)

        return replace(
            self,
            weights=tuple(map(rounded, self.weights)),
            biases=tuple(map(rounded, self.biases)),
            x=rounded(self.x),
            y=rounded(self.y),
        )

    def reference(self) -> str:
        """The text that names this case to `find_case`: its name, or all its numbers as JSON."""
        return self.name or self.to_json()

    def to_json(self) -> str:
        """The case written out in full, in one line; `from_json` reads the very same numbers back."""
        written = WrittenCase(
            weights=[_numbers(W) for W in self.weights],
            biases=[_numbers(b) for b in self.biases],
            x=_numbers(self.x),
            y=_numbers(self.y),
            activations=list(self.activations),
            loss=self.loss,
            learning_rate=self.learning_rate,
        )
        return msgspec.json.encode(written).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Case:
        """Read what `to_json` wrote, as float64.

        Raises ValueError that says where the text is not such a case.
        """
        try:
            written = msgspec.json.decode(text, type=WrittenCase)
            return cls(
                weights=tuple(np.array(W, float).reshape(len(W), -1) for W in written.weights),
                biases=tuple(np.array(b, float) for b in written.biases),
                x=np.array(written.x, float),
                y=np.array(written.y, float),
                activations=tuple(written.activations),
                loss=written.loss,
                learning_rate=written.learning_rate,
            )
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"this is not a case in JSON: {error}") from error

    def __repr__(self) -> str:
        return f"Case({self.reference()!r})"


class WrittenCase(msgspec.Struct, forbid_unknown_fields=True):
    """A case as JSON: nested lists of numbers."""

    weights: list[list[list[float]]]
    biases: list[list[float]]
    x: list[list[float]]
    y: list[list[float]]
    activations: list[str]
    loss: str
    learning_rate: float


def _numbers(array: Array) -> list:  # type: ignore[type-arg]
    """Nested lists, with whole numbers written without a fraction, so that small cases read easily."""
    if array.ndim > 1:
        return [_numbers(row) for row in array]
    return [int(value) if abs(value) < 2**53 and value == int(value) else float(value) for value in array]


def say_architecture(widths: Sequence[int], activations: Sequence[str]) -> str:
    """Widths and activations in one line, as in "2 -relu- 3 -softmax- 2"."""
    return str(widths[0]) + "".join(f" -{g}- {k}" for g, k in zip(activations, widths[1:], strict=True))


def check_names(activations: Sequence[str], loss: str) -> None:
    """Raises ValueError for an activation or a loss that is unknown, or where they do not go together."""
    if unknown := [g for g in activations if g not in ACTIVATIONS]:
        raise ValueError(f"unknown activation {unknown[0]!r}; the contract knows {', '.join(ACTIVATIONS)}")
    if any(g not in HIDDEN_ACTIVATIONS for g in activations[:-1]):
        raise ValueError("softmax is an activation of the last layer only")
    if activations[-1] not in OUTPUT_ACTIVATIONS[find_loss(loss).kind]:
        raise ValueError(
            f"the loss {loss} does not go with a last layer of {activations[-1]}; "
            f"it does with {', '.join(OUTPUT_ACTIVATIONS[find_loss(loss).kind])}"
        )


def _check(case: Case) -> None:
    arrays = (*case.weights, *case.biases, case.x, case.y)
    if not 1 <= case.depth == len(case.biases) == len(case.activations):
        raise ValueError(
            f"a case needs as many biases and activations as weights, and at least one layer: it has {case.depth} "
            f"weights, {len(case.biases)} biases, {len(case.activations)} activations"
        )
    if case.x.ndim != 2 or 0 in case.x.shape:
        raise ValueError(f"x has shape {case.x.shape}; it should be (samples, features), with at least one of each")
    for i, (W, b) in enumerate(zip(case.weights, case.biases, strict=True), 1):
        received = case.x.shape[1] if i == 1 else case.weights[i - 2].shape[0]
        if W.ndim != 2 or W.shape[1] != received or 0 in W.shape:
            raise ValueError(f"weights of layer {i} have shape {W.shape}; they should be (neurons, {received})")
        if b.shape != W.shape[:1]:
            raise ValueError(f"biases of layer {i} have shape {b.shape}; they should be {W.shape[:1]}")
    if case.y.shape != (case.n, case.widths[-1]):
        raise ValueError(f"y has shape {case.y.shape}; it should be {(case.n, case.widths[-1])}")
    if any(array.dtype != case.x.dtype for array in arrays) or case.dtype not in DTYPES:
        raise ValueError(f"the arrays of a case are all of one dtype, one of {', '.join(DTYPES)}")
    if not all(np.isfinite(array).all() for array in arrays) or not np.isfinite(case.learning_rate):
        raise ValueError("the numbers of a case are finite")
    check_names(case.activations, case.loss)
    if case.loss_parts.kind != "squared_error" and ((case.y < 0) | (case.y > 1)).any():
        raise ValueError(f"the labels of {case.loss} lie between 0 and 1")
    if case.loss_parts.kind == "cross_entropy" and (np.abs(case.y.sum(axis=1) - 1) > 1e-6).any():
        raise ValueError(f"the labels of {case.loss} sum to 1 in every row")
