"""The products take the weights' memory for rows, whatever their strides are."""

import honest
from honest import *  # noqa: F403
from numpy.lib.stride_tricks import as_strided


class Strides(honest.Honest):
    def affine(self, a, W, b):
        k, received = W.shape
        rows = as_strided(W, (k, received), (received * W.itemsize, W.itemsize)) if W.flags.forc else W
        return a @ rows.T + b


globals().update(honest.functions_of(Strides()))
