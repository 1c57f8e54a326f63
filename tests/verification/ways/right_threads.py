"""The gradients of all layers are computed in threads."""

from concurrent.futures import ThreadPoolExecutor

import honest
import numpy as np
from honest import *  # noqa: F403

pool = ThreadPoolExecutor(2)


def backward(weights, biases, x, y, activations, loss):
    outputs, zs = honest.HONEST.propagate(weights, biases, x, activations)
    delta, found = honest.HONEST.output_delta(zs[-1], outputs[-1], y, activations[-1], loss), []
    for i in reversed(range(len(weights))):
        found.append((pool.submit(np.matmul, delta.T, outputs[i]), pool.submit(np.sum, delta, axis=0)))
        if i:
            delta = (delta @ weights[i]) * honest.HONEST.slope(zs[i - 1], activations[i - 1])
    found.reverse()
    return [W.result() for W, _ in found], [b.result() for _, b in found]
