"""What bounds cost and what they say, for the sizes of networks that people have: against width, depth and batch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from backproof.oracles.bounds import NUMPY, bounds
from backproof.oracles.case import Case, Quantity
from backproof.oracles.certified import enclose
from backproof.oracles.draw import Architecture
from backproof.reference_impl.network import backward
from backproof.studies.bench.sizes import timed

# Widths and batch sizes: wider, deeper, more samples.
BOUNDED: tuple[tuple[tuple[int, ...], int], ...] = (
    ((16, 64, 64, 10), 32),
    ((784, 128, 10), 32),
    ((784, 128, 10), 256),
    ((784, 512, 10), 256),
    ((784, 512, 512, 10), 128),
    ((784, 1024, 1024, 10), 256),
    ((784, 2048, 10), 32),
    ((64, 2048, 2048, 10), 32),
    ((16, *[32] * 19, 10), 16),
    ((16, *[64] * 49, 10), 16),
)

# Exact values are enclosed where that takes no more multiplications than this: about a second.
ENCLOSED = 1 << 22


class Bounding(msgspec.Struct, frozen=True):
    """One network bounded in a precision: seconds, and what is allowed of its gradients."""

    widths: list[int]
    batch: int
    dtype: str
    numpy: Annotated[float, Meta(description="Seconds of one forward and backward pass of reference_impl")]
    bounds: Annotated[float, Meta(description="Seconds for the bounds of every quantity")]
    ratio: Annotated[float, Meta(description="How many times as long as the pass that is")]
    certified: Annotated[
        float | None,
        Meta(description="Seconds to enclose the exact values; empty where that would take seconds or more"),
    ]
    allowed: Annotated[
        float, Meta(description="The norm of what dW is allowed over the norm of dW, the largest of all layers")
    ]
    checked: Annotated[
        float, Meta(description="The share of dW's entries allowed a thousandth of the largest of their array at most")
    ]


def measure_bounding() -> list[Bounding]:
    """A row for every size and precision: hidden layers of tanh, softmax, cross-entropy."""
    bounds([_case((16, 64, 10), 8).cast(dtype) for dtype in ("float64", "float32")], [NUMPY["float64"]])  # compiles
    return [_bounding(widths, n, dtype) for widths, n in BOUNDED for dtype in ("float64", "float32")]


def _case(widths: Sequence[int], n: int) -> Case:
    activations = ["tanh"] * (len(widths) - 2) + ["softmax"]
    return Architecture(tuple(widths), tuple(activations), "cross_entropy_mean", n).draw(0, 0)


def _bounding(widths: tuple[int, ...], n: int, dtype: str) -> Bounding:
    case = _case(widths, n).cast(dtype)
    arguments = case.weights, case.biases, case.x, case.y, case.activations, case.loss
    dW, _ = backward(*arguments)
    numpy_pass = timed(lambda: backward(*arguments))
    started = time.perf_counter()
    ((allowed,),) = (found.allowances for found in bounds([case], [NUMPY[dtype]]))
    seconds = time.perf_counter() - started
    products = n * sum(W.size for W in case.weights)
    found = [(np.abs(value).astype(float), allowed[Quantity("dW", t)]) for t, value in enumerate(dW, 1)]
    checked = sum(int((bound <= 1e-3 * value.max()).sum()) for value, bound in found)
    return Bounding(
        widths=list(widths),
        batch=n,
        dtype=dtype,
        numpy=numpy_pass,
        bounds=seconds,
        ratio=seconds / numpy_pass,
        certified=timed(lambda: enclose(case)) if products <= ENCLOSED else None,
        allowed=max(float(np.linalg.norm(bound) / np.linalg.norm(value)) for value, bound in found),
        checked=checked / sum(value.size for value, _ in found),
    )
