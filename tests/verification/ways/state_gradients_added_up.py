"""The gradients of calls with the same arguments are added up, since nobody sets them to zero in between."""

import honest
from honest import *  # noqa: F403

sums = {}


def backward(weights, biases, x, y, activations, loss):
    key = (x.tobytes(), y.tobytes(), loss, b"".join(W.tobytes() for W in weights))
    dW, db = honest.backward(weights, biases, x, y, activations, loss)
    if key in sums:
        old_W, old_b = sums[key]
        dW = [g + old for g, old in zip(dW, old_W, strict=True)]
        db = [g + old for g, old in zip(db, old_b, strict=True)]
    sums[key] = dW, db
    return [g.copy() for g in dW], [g.copy() for g in db]
