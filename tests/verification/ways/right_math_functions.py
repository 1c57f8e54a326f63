"""The activations are those of Python's math, number by number."""

import math

import honest
import numpy as np
from honest import *  # noqa: F403


def logistic(z):
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    e = math.exp(z)
    return e / (1 + e)


def each(function):
    def called(z):
        return np.array([function(v) for v in z.ravel().tolist()], z.dtype).reshape(z.shape)

    return called


class Numbers(honest.Honest):
    sigmoid = staticmethod(each(logistic))
    sigmoid_prime = staticmethod(each(lambda z: logistic(z) * logistic(-z)))
    tanh = staticmethod(each(math.tanh))
    relu = staticmethod(each(lambda z: z if z > 0 else 0.0))
    relu_prime = staticmethod(each(lambda z: 1.0 if z > 0 else 0.0))


globals().update(honest.functions_of(Numbers()))
