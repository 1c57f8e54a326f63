"""The loss is a text at every 90th call."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def loss(prediction, y, loss):
    found = honest.loss(prediction, y, loss)
    return found if next(calls) % 90 else str(found)
