"""The softmax is computed for one row after the other, with its whole Jacobian on the way back."""

import honest
import numpy as np
from honest import *  # noqa: F403


class Rows(honest.Honest):
    def softmax(self, z):
        rows = []
        for row in z:
            e = np.exp(row - max(row))
            rows.append(e / e.sum())
        return np.array(rows)

    def softmax_back(self, p, dp):
        return np.array([(np.diag(a) - np.outer(a, a)) @ v for a, v in zip(p, dp, strict=True)])


globals().update(honest.functions_of(Rows()))
