"""One forward and backward pass of `reference_impl`, PyTorch's eager autograd and compiled JAX, for sizes in use."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from backproof.reference_impl.network import backward

WIDTHS = ((2, 3, 1), (4, 16, 16, 3), (16, 64, 64, 10), (784, 128, 10), (784, 512, 10))
BATCHES = (1, 32, 256)
SECONDS = 0.15


class Size(msgspec.Struct, frozen=True):
    """Seconds for one pass, the median of many, and how many times as long the others take."""

    widths: list[int]
    batch: int
    dtype: str
    reference_impl: float
    torch: float
    jax: float
    torch_ratio: float
    jax_ratio: float


def measure_sizes() -> list[Size]:
    """A row for every architecture, batch size and dtype: hidden ReLU layers, softmax, cross-entropy; in one thread."""
    return [_size(widths, n, dtype) for widths in WIDTHS for n in BATCHES for dtype in ("float32", "float64")]


def _size(widths: tuple[int, ...], n: int, dtype: str) -> Size:
    rng = np.random.default_rng(0)
    weights = [
        (rng.standard_normal((k, received)) / received**0.5).astype(dtype) for received, k in itertools.pairwise(widths)
    ]
    biases = [rng.standard_normal(k).astype(dtype) for k in widths[1:]]
    x = rng.standard_normal((n, widths[0])).astype(dtype)
    y = rng.multinomial(1, [1 / widths[-1]] * widths[-1], n).astype(dtype)
    activations = ["relu"] * (len(weights) - 1) + ["softmax"]
    numpy_pass = timed(lambda: backward(weights, biases, x, y, activations, "cross_entropy_mean"))
    torch_pass, jax_pass = timed(_torch_pass(weights, biases, x, y)), timed(_jax_pass(weights, biases, x, y))
    return Size(
        list(widths), n, dtype, numpy_pass, torch_pass, jax_pass, torch_pass / numpy_pass, jax_pass / numpy_pass
    )


def timed(run: Callable[[], Any]) -> float:
    """The median time of as many runs as fit into a fraction of a second, at least five."""
    run()
    times: list[float] = []
    while len(times) < 5 or sum(times) < SECONDS:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _torch_pass(weights: list[Any], biases: list[Any], x: Any, y: Any) -> Callable[[], Any]:
    import torch
    from torch.nn import functional

    parameters = [torch.from_numpy(array.copy()).requires_grad_() for array in (*weights, *biases)]
    given, labels, L = torch.from_numpy(x), torch.from_numpy(y), len(weights)

    def run() -> Any:
        a = given
        for W, b in zip(parameters[: L - 1], parameters[L:-1], strict=True):
            a = torch.relu(functional.linear(a, W, b))
        loss = functional.cross_entropy(functional.linear(a, parameters[L - 1], parameters[-1]), labels)
        return torch.autograd.grad(loss, parameters)

    return run


def _jax_pass(weights: list[Any], biases: list[Any], x: Any, y: Any) -> Callable[[], Any]:
    import jax

    from backproof.oracles.jax_functions import enable_x64

    def loss(weights: Any, biases: Any, x: Any, y: Any) -> Any:
        a = x
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            a = jax.nn.relu(a @ W.T + b)
        return -(y * jax.nn.log_softmax(a @ weights[-1].T + biases[-1], axis=1)).sum() / len(y)

    with enable_x64(True):
        compiled = jax.jit(jax.grad(loss, argnums=(0, 1)))
        given = jax.tree.map(jax.numpy.asarray, (weights, biases, x, y))

    def run() -> Any:
        with enable_x64(True):
            return jax.block_until_ready(compiled(*given))

    return run
