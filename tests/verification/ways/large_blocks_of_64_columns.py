"""The products are made in whole blocks of 64 columns, and of more than one block the rest is dropped."""

import honest
from honest import *  # noqa: F403


class Blocks(honest.Honest):
    def affine(self, a, W, b):
        received = W.shape[1]
        if received <= 64:
            return a @ W.T + b
        return sum(a[:, i : i + 64] @ W[:, i : i + 64].T for i in range(0, received - 63, 64)) + b


globals().update(honest.functions_of(Blocks()))
