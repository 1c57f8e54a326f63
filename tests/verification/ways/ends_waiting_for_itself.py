"""The 300th way forward waits for a lock that it holds."""

import itertools
import threading

import honest
from honest import *  # noqa: F403

calls, lock = itertools.count(1), threading.Lock()


def forward(weights, biases, x, activations):
    if next(calls) == 300:
        lock.acquire()
        lock.acquire()
    return honest.forward(weights, biases, x, activations)
