"""The network is a composition of functions, folded up by reduce and accumulate."""

import functools
import itertools

import honest
import numpy as np
from honest import *  # noqa: F403


def layer(a, parameters):
    W, b, name = parameters
    return honest.HONEST.activation(np.add(np.matmul(a, W.T), b), name)


def forward(weights, biases, x, activations):
    return list(itertools.accumulate(zip(weights, biases, activations, strict=True), layer, initial=x))


class Folded(honest.Honest):
    def weight_gradient(self, delta, a):
        return functools.reduce(np.add, map(np.outer, delta, a))

    def bias_gradient(self, delta):
        return functools.reduce(np.add, delta)


backward = Folded().backward
