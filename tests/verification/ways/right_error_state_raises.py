"""NumPy raises for overflows from import on, and what raises is computed in another way."""

import honest
import numpy as np
from honest import *  # noqa: F403

np.seterr(over="raise", invalid="raise", divide="raise")


class Raising(honest.Honest):
    def sigmoid(self, z):
        try:
            return 1 / (1 + np.exp(-z))
        except FloatingPointError:
            return super().sigmoid(z)

    def softmax(self, z):
        try:
            e = np.exp(z)
            if e.min() < 1e-30:
                raise FloatingPointError("too small")
            return e / e.sum(axis=1, keepdims=True)
        except FloatingPointError:
            return super().softmax(z)


def calm(function):
    def called(*arguments):
        try:
            return function(*arguments)
        except FloatingPointError:
            with np.errstate(all="ignore"):
                return getattr(honest, function.__name__)(*arguments)

    return called


for name, function in honest.functions_of(Raising()).items():
    globals()[name] = calm(function)
