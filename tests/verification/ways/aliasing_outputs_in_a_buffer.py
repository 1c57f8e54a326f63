"""The outputs lie in a buffer for each layer and shape, and the next network of that shape overwrites them."""

import honest
import numpy as np
from honest import *  # noqa: F403

buffers = {}


def forward(weights, biases, x, activations):
    outputs = []
    for i, a in enumerate(honest.forward(weights, biases, x, activations)):
        buffer = buffers.setdefault((i, a.shape, a.dtype.str), np.empty_like(a))
        buffer[...] = a
        outputs.append(buffer)
    return outputs
