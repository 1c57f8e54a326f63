"""The sigmoid goes through the numbers in the order of the memory, and puts them into rows."""

import honest
from honest import *  # noqa: F403


def sigmoid(z):
    return honest.sigmoid(z.ravel(order="K")).reshape(z.shape)
