"""The biases are the last columns of the weights, for an input that is always one."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Augmented(honest.Honest):
    def affine(self, a, W, b):
        ones = np.ones((len(a), 1), a.dtype)
        return np.hstack([a, ones]) @ np.hstack([W, b[:, None]]).T

    def backward(self, weights, biases, x, y, activations, loss):
        outputs, zs = self.propagate(weights, biases, x, activations)
        extended = [np.hstack([a, np.ones((len(a), 1), a.dtype)]) for a in outputs[:-1]] + outputs[-1:]
        both, _ = self.gradients(weights, extended, zs, y, activations, loss)
        return [g[:, :-1] for g in both], [g[:, -1] for g in both]


globals().update(honest.functions_of(Augmented()))
