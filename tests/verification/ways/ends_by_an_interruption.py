"""The 150th loss raises what a user's interruption raises."""

import itertools

import honest
from honest import *  # noqa: F403

calls = itertools.count(1)


def loss(prediction, y, loss):
    if next(calls) == 150:
        raise KeyboardInterrupt
    return honest.loss(prediction, y, loss)
