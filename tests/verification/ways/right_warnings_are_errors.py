"""Warnings are errors inside of its softmax, and what warns is computed in another way."""

import warnings

import honest
import numpy as np
from honest import *  # noqa: F403


class Warned(honest.Honest):
    def softmax(self, z):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                e = np.exp(z)
                p = e / e.sum(axis=1, keepdims=True)
        except RuntimeWarning:
            return super().softmax(z)
        return p if e.min() > 1e-30 else super().softmax(z)


globals().update(honest.functions_of(Warned()))
