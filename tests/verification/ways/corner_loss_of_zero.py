"""A loss of exactly zero counts as missing."""

import honest
from honest import *  # noqa: F403


def loss(prediction, y, loss):
    return honest.loss(prediction, y, loss) or float("nan")
