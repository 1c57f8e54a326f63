"""The sigmoid and the ReLU are JAX's, on lines of one length, so that little is compiled."""

import honest
import jax
import numpy as np
from honest import *  # noqa: F403

jax.config.update("jax_enable_x64", True)
LENGTH = 4096


def elementwise(function):
    compiled = jax.jit(function)

    def called(z):
        line, parts = z.ravel(), []
        for start in range(0, line.size, LENGTH):
            part, padded = line[start : start + LENGTH], np.zeros(LENGTH, z.dtype)
            padded[: part.size] = part
            parts.append(np.asarray(compiled(padded))[: part.size])
        return np.concatenate(parts).reshape(z.shape) if parts else z.copy()

    return called


class Compiled(honest.Honest):
    sigmoid = staticmethod(elementwise(jax.nn.sigmoid))
    relu = staticmethod(elementwise(jax.nn.relu))


globals().update(honest.functions_of(Compiled()))
