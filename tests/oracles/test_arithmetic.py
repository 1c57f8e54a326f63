"""The constants of `oracles.bounds.arithmetic`, measured again on this machine against long doubles."""

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import torch

from backproof.oracles.bounds import JAX, NUMPY, TORCH
from backproof.oracles.jax_functions import enable_x64

REGIONS = [(-80.0, -20.0), (-20.0, -1.0), (-1.0, 1.0), (1.0, 20.0), (20.0, 80.0)]
POINTS = 20_000


def _points(function: str, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    if function == "log":
        regions = [10 ** rng.uniform(-30, -3, POINTS), rng.uniform(1e-3, 0.9, POINTS), rng.uniform(0.9, 1.1, POINTS)]
        return np.concatenate([*regions, rng.uniform(1.1, 100, POINTS)]).astype(dtype)
    tiny = 10 ** rng.uniform(-8, 0, POINTS) * rng.choice([-1, 1], POINTS)
    return np.concatenate([tiny, *(rng.uniform(*region, POINTS) for region in REGIONS)]).astype(dtype)


def _torch(function):
    return lambda x: getattr(torch, function)(torch.from_numpy(x)).numpy()


def _jax(function):
    def call(x):
        with enable_x64(True):
            return np.asarray(getattr(jnp, function)(x))

    return call


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 2.0**-63, reason="needs a long double wider than float64")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", ["exp", "tanh", "log"])
@pytest.mark.parametrize(
    ("library", "call"),
    [(NUMPY, lambda f: getattr(np, f)), (TORCH, _torch), (JAX, _jax)],
    ids=["numpy", "torch", "jax"],
)
def test_constants_hold(library, call, function, dtype):
    """No relative error is larger than the constant says, and the constant is no more than 16 times too large."""
    x = _points(function, dtype)
    exact = getattr(np, function)(x.astype(np.longdouble))
    value = call(function)(x)
    assert value.dtype == dtype
    sized = (np.abs(exact) > 4 * library[dtype].smallest_normal) & (np.abs(exact) < library[dtype].largest)
    error = np.abs(value.astype(np.longdouble) - exact)[sized] / np.abs(exact)[sized] / library[dtype].unit_roundoff
    constant = getattr(library[dtype], function)
    assert constant / 16 < error.max() <= constant


def _every(dtype: str) -> np.ndarray:
    """Every normal number of a 16-bit type."""
    numbers = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16 if dtype == "bfloat16" else np.float16)
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        size = np.abs(numbers.astype(np.float64))
    return numbers[(size >= TORCH[dtype].smallest_normal) & np.isfinite(size)]


def _torch_half(function):
    return lambda x: getattr(torch, function)(_tensor(x)).double().numpy()


def _tensor(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x.astype(np.float64)).to(getattr(torch, str(x.dtype)))


@pytest.mark.parametrize(
    ("library", "call", "dtype"),
    [
        (NUMPY, lambda f: getattr(np, f), "float16"),
        *((TORCH, _torch_half, dtype) for dtype in ("bfloat16", "float16")),
        *((JAX, _jax, dtype) for dtype in ("bfloat16", "float16")),
    ],
    ids=["numpy-float16", "torch-bfloat16", "torch-float16", "jax-bfloat16", "jax-float16"],
)
@pytest.mark.parametrize("function", ["exp", "tanh", "log"])
def test_sixteen_bits_round_once(library, call, dtype, function):
    """Of every number, elementary functions are off by a rounding and hardly more, and by `tiny` below normal ones."""
    x, arithmetic = _every(dtype), library[dtype]
    x = x[x > 0] if function == "log" else x
    with np.errstate(all="ignore"):
        exact = getattr(np, function)(x.astype(np.longdouble))
        error = np.abs(call(function)(x).astype(np.longdouble) - exact)
    normal = np.abs(exact) >= arithmetic.smallest_normal
    sized = normal & (np.abs(exact) < arithmetic.largest)
    assert 0.9 < (error[sized] / np.abs(exact[sized])).max() / arithmetic.unit_roundoff <= getattr(arithmetic, function)
    assert error[~normal].max(initial=0) <= arithmetic.tiny


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("n", "k"), [(1, 1000), (32, 300), (8, 64)])
def test_sixteen_bits_add_up_in_float32(dtype, n, k):
    """A matrix product of 16-bit types rounds once, however long it is: ones are added past 2^8 and 2^11."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((m, k)).astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype) for m in (n, 5))
    exact = a.astype(float) @ b.astype(float).T
    products = [(_tensor(a) @ _tensor(b).T).double().numpy(), np.asarray(jnp.asarray(a) @ jnp.asarray(b).T)]
    if dtype == "float16":
        products.append(a @ b.T)
    for product in products:
        assert (np.abs(product.astype(float) - exact) / exact).max() <= 1.01 * TORCH[dtype].unit_roundoff
