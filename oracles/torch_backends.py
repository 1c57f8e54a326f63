"""PyTorch in every precision and every way that it differentiates: not to judge by, but to be held against the truth.

The expressions are those of the oracle (`oracles.torch_oracle`), which keep their digits, for one network as it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn import functional

from backproof.oracles.bounds import CUDA, TORCH
from backproof.oracles.case import Answer, Case, Quantity
from backproof.oracles.torch_oracle import ACTIVATION as ELEMENTWISE
from backproof.reference_impl.contract import Array, LossKind

# f(*inputs) gives the scalar to differentiate, and what else it computes; a way gives all that and the derivatives.
Function = Callable[..., tuple[Tensor, list[Tensor]]]
Way = Callable[[Function, list[Tensor]], tuple[Tensor, list[Tensor], tuple[Tensor, ...]]]

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {**ELEMENTWISE, "softmax": lambda z: torch.softmax(z, dim=1)}
DIFFERENTIATED = ("sigmoid", "relu", "tanh")


def eagerly(function: Function, inputs: list[Tensor]) -> tuple[Tensor, list[Tensor], tuple[Tensor, ...]]:
    """Operation by operation, differentiated by autograd."""
    inputs = [tensor.requires_grad_() for tensor in inputs]
    value, others = function(*inputs)
    gradients = torch.autograd.grad(value, inputs)
    return value.detach(), [other.detach() for other in others], gradients


def compiled(function: Function, inputs: list[Tensor]) -> tuple[Tensor, list[Tensor], tuple[Tensor, ...]]:
    """The same by `torch.compile`, for this network alone; forgotten afterwards, or it would stop at eight."""
    torch.compiler.reset()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of what PyTorch itself still uses
        return eagerly(torch.compile(function, dynamic=False, fullgraph=True), inputs)


def by_transform(function: Function, inputs: list[Tensor]) -> tuple[Tensor, list[Tensor], tuple[Tensor, ...]]:
    """By `torch.func.grad_and_value`."""
    differentiate = torch.func.grad_and_value(function, argnums=tuple(range(len(inputs))), has_aux=True)
    gradients, (value, others) = differentiate(*inputs)
    return value, others, gradients


WAYS: dict[str, Way] = {"eager": eagerly, "compile": compiled, "func": by_transform}


class TorchBackend:
    """Every quantity of a case by PyTorch, in one dtype, in one of `WAYS`, on one device.

    tf32: let CUDA round the factors of float32 products to TensorFloat-32. Raises RuntimeError, with a sentence that
    says why, where it cannot work on this machine.
    """

    def __init__(self, dtype: str, way: str = "eager", device: str = "cpu", *, tf32: bool = False) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("PyTorch finds no CUDA device")
        if way == "compile" and (problem := _compiler_problem()):
            raise RuntimeError(f"torch.compile does not work: {problem}")
        self.name = f"torch-{way if device == 'cpu' else device}{'-tf32' * tf32}"
        self.dtype = dtype
        self.arithmetic = (TORCH if device == "cpu" else CUDA)["tf32" if tf32 else dtype]
        self._way, self._device, self._tf32 = WAYS[way], device, tf32

    def answers(self, cases: Sequence[Case]) -> list[Answer]:
        """One answer a case, with the case's quantities in their order, as float64 arrays.

        The numbers of the cases are taken for numbers of the dtype.
        """
        with _settings(self._tf32):
            return [self._answer(case) for case in cases]

    def _answer(self, case: Case) -> Answer:
        x, y = self._tensor(case.x), self._tensor(case.y)
        steps = [(self._tensor(w), self._tensor(g)) for _, w, g in case.steps()]
        parameters = [self._tensor(array) for array in (*case.weights, *case.biases)]
        inputs = [*parameters, *(x.clone() for _ in DIFFERENTIATED)]
        _, values, gradients = self._way(_everything(case, x, y, steps), inputs)
        layers = range(1, case.depth + 1)
        named = [
            *(Quantity("output", i) for i in layers),
            Quantity("loss"),
            *(Quantity(g) for g in (*DIFFERENTIATED, "softmax")),
            *(quantity for quantity, _, _ in case.steps()),
        ]
        differentiated = [
            *(Quantity("dW", i) for i in layers),
            *(Quantity("db", i) for i in layers),
            *(Quantity(f"{g}_prime") for g in DIFFERENTIATED),
        ]
        found = {Quantity("output", 0): x, **dict(zip(named, values, strict=True))}
        found |= dict(zip(differentiated, gradients, strict=True))
        return {quantity: found[quantity].to("cpu", torch.float64).numpy() for quantity in case.quantities}

    def _tensor(self, array: Array) -> Tensor:
        return torch.tensor(array, dtype=getattr(torch, self.dtype), device=self._device)


def _everything(case: Case, x: Tensor, y: Tensor, steps: list[tuple[Tensor, Tensor]]) -> Function:
    """A function of all weights, all biases, and x once for each activation that is differentiated at it.

    What is differentiated is a sum, of the loss and the activations, whose terms have no input in common. All in one,
    because compiling takes seconds.
    """
    depth, activations, kind = case.depth, case.activations, case.loss_parts.kind
    scale, alpha = case.loss_scale, case.learning_rate

    def function(*inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        outputs = [x]
        for W, b, g in zip(inputs[:depth], inputs[depth : 2 * depth], activations, strict=True):
            z = functional.linear(outputs[-1], W, b)
            outputs.append(ACTIVATION[g](z))
        loss = scale * loss_terms(kind, activations[-1], z, outputs[-1], y).sum()
        at_x = [ACTIVATION[g](z) for g, z in zip(DIFFERENTIATED, inputs[2 * depth :], strict=True)]
        stepped = [torch.sub(w, g, alpha=alpha) for w, g in steps]
        total = sum((value.sum() for value in at_x), start=loss)
        return total, [*outputs[1:], loss, *at_x, ACTIVATION["softmax"](x), *stepped]

    return function


def loss_terms(kind: LossKind, activation: str, z: Tensor, p: Tensor, y: Tensor) -> Tensor:
    """The terms of a loss of that kind after that last activation, from logits where that does not overflow."""
    if kind == "squared_error":
        return functional.mse_loss(p, y, reduction="none")
    if kind == "cross_entropy":
        return functional.cross_entropy(z, y, reduction="none")
    if activation == "sigmoid":
        return -(y * functional.logsigmoid(z) + (1 - y) * functional.logsigmoid(-z))
    return -(torch.xlogy(y, p) + torch.xlogy(1 - y, 1 - p))


def precision(tf32: bool) -> tuple[str, str | bool]:
    """The setting of CUDA's products, and what it has to be: since PyTorch 2.9 a precision has a name."""
    named = hasattr(torch.backends.cuda.matmul, "fp32_precision")
    return ("fp32_precision", "tf32" if tf32 else "ieee") if named else ("allow_tf32", tf32)


@contextmanager
def _settings(tf32: bool) -> Iterator[None]:
    """One thread, so that sums are split alike on every machine; TF32 or not; both put back afterwards."""
    matmul = torch.backends.cuda.matmul
    setting, wanted = precision(tf32)
    threads, before = torch.get_num_threads(), getattr(matmul, setting)
    torch.set_num_threads(1)
    setattr(matmul, setting, wanted)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        setattr(matmul, setting, before)


def _compiler_problem() -> str:
    """Why nothing can be compiled here, in a line; empty where it can."""
    try:
        compiled(lambda z: ((z * z).sum(), []), [torch.ones(2)])
    except Exception as error:
        return " ".join(str(error).partition("\n\n")[0].split()) or type(error).__name__
    return ""
