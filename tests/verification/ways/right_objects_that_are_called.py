"""The functions are objects of a class with a call."""

import honest
from honest import *  # noqa: F403


class Function:
    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.function(*arguments)


for name in honest.__all__:
    globals()[name] = Function(getattr(honest, name))
