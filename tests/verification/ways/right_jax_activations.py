"""The activations and their slopes are JAX's, on lines of one length, so that little is compiled."""

import honest
import jax
import numpy as np
from honest import *  # noqa: F403
from jax import numpy as jnp

jax.config.update("jax_enable_x64", True)
LENGTH = 4096


def elementwise(function):
    compiled = jax.jit(function)

    def called(z):
        line = z.ravel()
        parts = []
        for start in range(0, line.size, LENGTH):
            padded = np.zeros(LENGTH, z.dtype)
            part = line[start : start + LENGTH]
            padded[: part.size] = part
            parts.append(np.asarray(compiled(padded))[: part.size])
        return np.concatenate(parts).reshape(z.shape) if parts else z.copy()

    return called


def slope_of(function):
    return elementwise(jax.vmap(jax.grad(function)))


class Compiled(honest.Honest):
    sigmoid = staticmethod(elementwise(jax.nn.sigmoid))
    tanh = staticmethod(elementwise(jnp.tanh))
    relu = staticmethod(elementwise(jax.nn.relu))
    relu_prime = staticmethod(slope_of(jax.nn.relu))


globals().update(honest.functions_of(Compiled()))
