"""A loop over the samples, with the gradients of each added to those before."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Samples(honest.Honest):
    def affine(self, a, W, b):
        return np.stack([W @ row + b for row in a])

    def error_back(self, delta, W):
        return np.stack([W.T @ row for row in delta])

    def weight_gradient(self, delta, a):
        dW = np.zeros((delta.shape[1], a.shape[1]), a.dtype)
        for d, row in zip(delta, a, strict=True):
            dW += np.outer(d, row)
        return dW

    def bias_gradient(self, delta):
        db = np.zeros(delta.shape[1], delta.dtype)
        for d in delta:
            db += d
        return db


globals().update(honest.functions_of(Samples()))
