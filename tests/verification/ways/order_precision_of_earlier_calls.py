"""Once a call came in single precision, everything is computed in it."""

import honest
import numpy as np
from honest import *  # noqa: F403

seen = []


def in_precision_seen(function):
    def called(*arguments):
        seen.extend(a.dtype for a in flat(arguments) if isinstance(a, np.ndarray))
        return cast(function(*cast(arguments, min(seen))), seen[-1])

    return called


def flat(value):
    return [part for item in value for part in flat(item)] if isinstance(value, list | tuple) else [value]


def cast(value, dtype):
    if isinstance(value, list | tuple):
        return type(value)(cast(part, dtype) for part in value)
    return np.asarray(value, dtype) if isinstance(value, np.ndarray | np.generic) else value


for name in honest.__all__:
    globals()[name] = in_precision_seen(getattr(honest, name))
