"""The usual ways of testing a backpropagation, each as a function that judges one network.

Every method says whether it would let an implementation pass on a case; whatever it raises is no pass.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from backproof.oracles.case import Case
from backproof.reference_impl.contract import Array
from backproof.verification.implementation import Implementation

Method = Callable[[Implementation, Case], bool]


def plain_loop(implementation: Implementation, case: Case) -> bool:
    """PyTorch's eager autograd, and `jax.jit` for the architecture; then `torch.testing.assert_close`."""
    import torch

    functions = implementation.functions
    arguments = case.weights, case.biases, case.x
    outputs = functions["forward"](*arguments, case.activations)
    loss = functions["loss"](outputs[-1], case.y, case.loss)
    dW, db = functions["backward"](*arguments, case.y, case.activations, case.loss)
    got = [*outputs[1:], np.asarray(loss), *dW, *db]
    for answer in (_by_torch(case), _by_jax(case)):
        for value, expected in zip(got, answer, strict=True):
            torch.testing.assert_close(torch.as_tensor(value), torch.as_tensor(expected))
    return True


def _by_torch(case: Case) -> list[Array]:
    """Outputs, loss and gradients as one would write it down."""
    import torch
    from torch.nn import functional

    activation: dict[str, Callable[[Any], Any]] = {
        "identity": lambda z: z,
        "sigmoid": torch.sigmoid,
        "relu": torch.relu,
        "tanh": torch.tanh,
        "softmax": lambda z: torch.softmax(z, dim=1),
    }
    weights = [torch.tensor(W, requires_grad=True) for W in case.weights]
    biases = [torch.tensor(b, requires_grad=True) for b in case.biases]
    a, y, outputs = torch.tensor(case.x), torch.tensor(case.y), []
    for W, b, g in zip(weights, biases, case.activations, strict=True):
        z = functional.linear(a, W, b)
        a = activation[g](z)
        outputs.append(a)
    terms = {
        "squared_error": lambda: functional.mse_loss(a, y, reduction="sum"),
        "cross_entropy": lambda: functional.cross_entropy(z, y, reduction="sum"),
        "binary_cross_entropy": lambda: functional.binary_cross_entropy(a, y, reduction="sum"),
    }
    loss = case.loss_scale * terms[case.loss_parts.kind]()
    gradients = torch.autograd.grad(loss, [*weights, *biases])
    return [array.detach().numpy() for array in (*outputs, loss, *gradients)]


def _by_jax(case: Case) -> list[Array]:
    """Outputs, loss and gradients by a function that is compiled for this architecture."""
    import jax
    import jax.numpy as jnp

    from backproof.oracles.jax_functions import enable_x64

    activation: dict[str, Callable[[Any], Any]] = {
        "identity": lambda z: z,
        "sigmoid": jax.nn.sigmoid,
        "relu": jax.nn.relu,
        "tanh": jnp.tanh,
        "softmax": lambda z: jax.nn.softmax(z, axis=1),
    }

    def loss(weights: Any, biases: Any, x: Any, y: Any) -> tuple[Any, list[Any]]:
        a, outputs = x, list[Any]()
        for W, b, g in zip(weights, biases, case.activations, strict=True):
            z = a @ W.T + b
            a = activation[g](z)
            outputs.append(a)
        terms: dict[str, Callable[[], Any]] = {
            "squared_error": lambda: (a - y) ** 2,
            "cross_entropy": lambda: -y * jax.nn.log_softmax(z, axis=1),
            "binary_cross_entropy": lambda: -(jax.scipy.special.xlogy(y, a) + jax.scipy.special.xlogy(1 - y, 1 - a)),
        }
        return case.loss_scale * terms[case.loss_parts.kind]().sum(), outputs

    with enable_x64(True):
        differentiated = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        (value, outputs), (dW, db) = differentiated(case.weights, case.biases, case.x, case.y)
        return [np.asarray(array) for array in (*outputs, value, *dW, *db)]


def gradcheck(implementation: Implementation, case: Case) -> bool:
    """`torch.autograd.gradcheck` of the loss against the gradients."""
    import torch

    value, gradients = _value_and_gradients(implementation, case)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, *parameters: Any) -> Any:
            context.save_for_backward(*parameters)
            return torch.tensor(value([parameter.numpy() for parameter in parameters]), dtype=torch.float64)

        @staticmethod
        def backward(context: Any, *outer: Any) -> Any:
            found = gradients([parameter.numpy() for parameter in context.saved_tensors])
            return tuple(outer[0] * torch.as_tensor(gradient) for gradient in found)

    parameters = [torch.tensor(array, requires_grad=True) for array in (*case.weights, *case.biases)]
    return bool(torch.autograd.gradcheck(Loss.apply, parameters))


def check_grads(implementation: Implementation, case: Case) -> bool:
    """`jax.test_util.check_grads` of the loss against the gradients."""
    import jax
    from jax.test_util import check_grads

    from backproof.oracles.jax_functions import enable_x64

    value, gradients = _value_and_gradients(implementation, case)
    with enable_x64(True):
        scalar = jax.ShapeDtypeStruct((), "float64")
        shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in (*case.weights, *case.biases)]

        @jax.custom_vjp
        def loss(parameters: Any) -> Any:
            return jax.pure_callback(lambda given: np.float64(value(list(map(np.array, given)))), scalar, parameters)

        def forward(parameters: Any) -> tuple[Any, Any]:
            return loss(parameters), parameters

        def backward(parameters: Any, outer: Any) -> Any:
            found = jax.pure_callback(lambda given: gradients(list(map(np.array, given))), shapes, parameters)
            return ([outer * gradient for gradient in found],)

        loss.defvjp(forward, backward)
        check_grads(loss, ([*case.weights, *case.biases],), order=1, modes=["rev"])
    return True


def _value_and_gradients(
    implementation: Implementation, case: Case
) -> tuple[Callable[[list[Array]], float], Callable[[list[Array]], list[Array]]]:
    """The implementation's loss of the parameters, weights first, and its gradients; NaN where it raises."""
    functions, L = implementation.functions, case.depth

    def value(parameters: list[Array]) -> float:
        try:
            outputs = functions["forward"](parameters[:L], parameters[L:], case.x, case.activations)
            return float(functions["loss"](outputs[-1], case.y, case.loss))
        except Exception:
            return float("nan")

    def gradients(parameters: list[Array]) -> list[Array]:
        try:
            dW, db = functions["backward"](parameters[:L], parameters[L:], case.x, case.y, case.activations, case.loss)
        except Exception:
            return [np.full_like(parameter, np.nan) for parameter in parameters]
        return [*dW, *db]

    return value, gradients


METHODS: dict[str, Method] = {
    "plain loop, assert_close": plain_loop,
    "torch.autograd.gradcheck": gradcheck,
    "jax.test_util.check_grads": check_grads,
}


def passes(method: Method, implementation: Implementation, case: Case) -> bool:
    """Whether a method lets an implementation pass on a case."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return method(implementation, case)
        except Exception:
            return False


@contextmanager
def compiled_anew() -> Iterator[None]:
    """Without JAX's cache on disk, which would know the architectures of an earlier benchmark.

    JAX looks at this setting once, at its first compilation, unless it is told to look again.
    """
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    config: Any = jax.config
    before = config.jax_enable_compilation_cache
    config.update("jax_enable_compilation_cache", False)
    reset_cache()
    try:
        yield
    finally:
        config.update("jax_enable_compilation_cache", before)
        reset_cache()
