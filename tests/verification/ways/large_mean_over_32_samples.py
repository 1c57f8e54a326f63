"""The mean is over at most 32 samples."""

import honest
from honest import *  # noqa: F403


class Batches(honest.Honest):
    def scale(self, y, loss):
        return super().scale(y[:32], loss)


globals().update(honest.functions_of(Batches()))
