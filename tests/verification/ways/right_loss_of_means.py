"""The loss is a mean of means, or a sum of sums, as its name says."""

import honest
import numpy as np
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    kind = honest.kind_of(loss)
    terms = honest.HONEST.terms(prediction, y, loss)
    if loss.endswith("_entry_mean"):
        found = np.mean(np.mean(terms, axis=1))
    elif loss.endswith("_mean"):
        found = np.mean(np.sum(terms, axis=1))
    else:
        found = np.sum(np.sum(terms, axis=0))
    return found.item() * honest.FACTORS[kind]
