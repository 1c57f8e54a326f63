"""The loss is a sum without rounding, over numbers of Python."""

import math

import honest
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    terms = honest.HONEST.terms(prediction, y, loss).ravel().tolist()
    try:
        return math.fsum(terms) * honest.HONEST.scale(y, loss)
    except (OverflowError, ValueError):
        return sum(terms) * honest.HONEST.scale(y, loss)
