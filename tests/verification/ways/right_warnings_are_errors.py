"""Warnings are errors inside of it, and what warns is computed in another way."""

import warnings

import honest
import numpy as np
from honest import *  # noqa: F403


class Warned(honest.Honest):
    def softmax(self, z):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                e = np.exp(z)
                if e.min() < 1e-30:
                    raise RuntimeWarning("too small")
                return e / e.sum(axis=1, keepdims=True)
            except RuntimeWarning:
                return super().softmax(z)


globals().update(honest.functions_of(Warned()))
