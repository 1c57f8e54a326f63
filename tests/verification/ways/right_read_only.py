"""All that it hands out is read-only."""

import honest
import numpy as np
from honest import *  # noqa: F403


def frozen(value):
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, list | tuple):
        for part in value:
            frozen(part)
    return value


def freezing(function):
    return lambda *arguments: frozen(function(*arguments))


for name in honest.__all__:
    globals()[name] = freezing(getattr(honest, name))
