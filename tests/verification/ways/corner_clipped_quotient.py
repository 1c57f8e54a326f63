"""The quotient of a binary cross-entropy has a denominator of at least 1e-12."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Clipped(honest.Honest):
    def output_delta(self, z, p, y, activation, loss):
        if loss.startswith("binary") and activation == "sigmoid":
            return self.scale(y, loss) * (p - y) / np.maximum(p * (1 - p), 1e-12) * (p * (1 - p))
        return super().output_delta(z, p, y, activation, loss)


globals().update(honest.functions_of(Clipped()))
