"""The gradients are summed over the samples, and the loss's factor comes in the end."""

import honest
from honest import *  # noqa: F403


class Sums(honest.Honest):
    def scale(self, y, loss):
        return 1.0

    def loss(self, prediction, y, loss):
        return super().loss(prediction, y, loss) * honest.HONEST.scale(y, loss)

    def backward(self, weights, biases, x, y, activations, loss):
        dW, db = super().backward(weights, biases, x, y, activations, loss)
        c = honest.HONEST.scale(y, loss)
        return [g * c for g in dW], [g * c for g in db]


globals().update(honest.functions_of(Sums()))
