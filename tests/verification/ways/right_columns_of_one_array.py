"""All outputs are columns of one array that is new in each call, and so are not contiguous."""

import honest
import numpy as np
from honest import *  # noqa: F403


def forward(weights, biases, x, activations):
    outputs = honest.forward(weights, biases, x, activations)
    widths = np.cumsum([a.shape[1] for a in outputs])
    return np.split(np.concatenate(outputs, axis=1), widths[:-1], axis=1)
