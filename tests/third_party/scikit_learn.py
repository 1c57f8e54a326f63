"""scikit-learn's MLPRegressor behind the contract, under the convention that its gradients follow.

Its loss value averages over the outputs as well (scikit-learn issue 8349), and so does not belong to its gradients
where there are several: `backproof infer` says so, and `backproof verify` that the loss is wrong.
"""

import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.neural_network._base import LOSS_FUNCTIONS

from backproof import adapters

CONVENTION = adapters.Convention(last=("identity",), losses=("half_squared_error_mean",), one_hidden=True)

NAMES = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def _network(weights, biases, activations):
    *hidden, output = activations
    network = MLPRegressor(activation=NAMES[hidden[0]] if hidden else "identity", alpha=0.0)
    network.coefs_, network.intercepts_ = list(weights), list(biases)
    network.n_layers_, network.out_activation_ = len(weights) + 1, NAMES[output]
    return network


@adapters.transposed
def forward(weights, biases, x, activations):
    return _network(weights, biases, activations)._forward_pass([x] + [None] * len(weights))


@adapters.transposed
def backward(weights, biases, x, y, activations, loss):
    layers = [[None] * len(weights) for _ in range(3)]
    _, dW, db = _network(weights, biases, activations)._backprop(x, y, None, [x, *layers[0]], *layers)
    return dW, db


def loss(prediction, y, loss):
    return np.asarray(LOSS_FUNCTIONS["squared_error"](y, prediction))
