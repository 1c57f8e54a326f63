"""Everything is computed in NumPy's longest numbers, and cast back in the end."""

import honest
import numpy as np
from honest import *  # noqa: F403


def cast(value, dtype):
    if isinstance(value, list | tuple):
        return type(value)(cast(part, dtype) for part in value)
    return value.astype(dtype) if isinstance(value, np.ndarray) else value


def in_long_double(function):
    def called(*arguments):
        first = arguments[0][0] if isinstance(arguments[0], list | tuple) else arguments[0]
        return cast(function(*cast(arguments, np.longdouble)), first.dtype)

    return called


for name in honest.__all__:
    globals()[name] = in_long_double(getattr(honest, name))
