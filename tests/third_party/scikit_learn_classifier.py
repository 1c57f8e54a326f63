"""scikit-learn's MLPClassifier behind the contract: cross-entropy after a softmax, binary after sigmoids.

Its loss values clip probabilities at the distance of one ulp from 0 and 1, and are off where a network is more certain
than that; the gradients are not.
"""

import numpy as np
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._base import LOSS_FUNCTIONS

from backproof import adapters

CONVENTION = adapters.Convention(
    last=("softmax", "sigmoid"), losses=("cross_entropy_mean", "binary_cross_entropy_mean"), one_hidden=True
)

NAMES = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu", "softmax": "softmax"}
LOSSES = {"cross_entropy_mean": "log_loss", "binary_cross_entropy_mean": "binary_log_loss"}


def _network(weights, biases, activations):
    *hidden, output = activations
    network = MLPClassifier(activation=NAMES[hidden[0]] if hidden else "identity", alpha=0.0)
    network.loss, network.coefs_, network.intercepts_ = "log_loss", list(weights), list(biases)
    network.n_layers_, network.out_activation_ = len(weights) + 1, NAMES[output]
    return network


@adapters.transposed
def forward(weights, biases, x, activations):
    return _network(weights, biases, activations)._forward_pass([x] + [None] * len(weights))


@adapters.transposed
def backward(weights, biases, x, y, activations, loss):
    if (activations[-1] == "softmax") != (loss == "cross_entropy_mean"):
        raise NotImplementedError("a binary cross-entropy goes with sigmoids")
    layers = [[None] * len(weights) for _ in range(3)]
    _, dW, db = _network(weights, biases, activations)._backprop(x, y, None, [x, *layers[0]], *layers)
    return dW, db


def loss(prediction, y, loss):
    if loss == "cross_entropy_mean" and y.shape[1] == 1:
        raise NotImplementedError("a softmax has two outputs or more")
    return np.asarray(LOSS_FUNCTIONS[LOSSES[loss]](y, prediction))
