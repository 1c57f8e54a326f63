"""The constants of `oracles.bounds.arithmetic`, measured again on this machine against long doubles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from oracles.bounds import JAX, NUMPY, TORCH

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
        with jax.enable_x64(True):
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
