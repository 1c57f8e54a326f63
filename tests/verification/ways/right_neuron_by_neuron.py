"""A loop over the neurons of each layer, with one dot product for each."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Neurons(honest.Honest):
    def affine(self, a, W, b):
        z = np.empty((len(a), len(W)), a.dtype)
        for j in range(len(W)):
            z[:, j] = b[j] + a.dot(W[j])
        return z

    def error_back(self, delta, W):
        error = np.zeros((len(delta), W.shape[1]), delta.dtype)
        for j in range(len(W)):
            error += delta[:, j, None] * W[j]
        return error

    def weight_gradient(self, delta, a):
        dW = np.empty((delta.shape[1], a.shape[1]), a.dtype)
        for j in range(len(dW)):
            dW[j] = delta[:, j] @ a
        return dW

    def bias_gradient(self, delta):
        return np.array([delta[:, j].sum() for j in range(delta.shape[1])])


globals().update(honest.functions_of(Neurons()))
