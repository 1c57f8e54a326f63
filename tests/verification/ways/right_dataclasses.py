"""Steps forward are data classes, frozen, and the way back reads them."""

from dataclasses import dataclass

import honest
import numpy as np
from honest import *  # noqa: F403


@dataclass(frozen=True)
class Step:
    W: np.ndarray
    received: np.ndarray
    z: np.ndarray
    name: str

    @property
    def output(self):
        return honest.HONEST.activation(self.z, self.name)


@dataclass
class Gradients:
    dW: list  # noqa: N815
    db: list

    def put(self, delta, step):
        self.dW.insert(0, delta.T @ step.received)
        self.db.insert(0, delta.sum(axis=0))


def steps_of(weights, biases, x, activations):
    steps = []
    for W, b, name in zip(weights, biases, activations, strict=True):
        steps.append(Step(W, x, x @ W.T + b, name))
        x = steps[-1].output
    return steps


def forward(weights, biases, x, activations):
    return [x, *(step.output for step in steps_of(weights, biases, x, activations))]


def backward(weights, biases, x, y, activations, loss):
    *hidden, last = steps_of(weights, biases, x, activations)
    found = Gradients([], [])
    delta, W = honest.HONEST.output_delta(last.z, last.output, y, last.name, loss), last.W
    found.put(delta, last)
    for step in reversed(hidden):
        delta = (delta @ W) * honest.HONEST.slope(step.z, step.name)
        found.put(delta, step)
        W = step.W
    return found.dW, found.db
