"""scikit-learn's MLPRegressor behind the contract: its gradients, which follow `half_squared_error_mean`.

Its loss value averages over the outputs as well (`half_squared_error_entry_mean`), and does not belong to its gradient
where there are several; so there is no `loss` here.
"""

import numpy as np
from sklearn.neural_network import MLPRegressor

NAMES = {"identity": "identity", "sigmoid": "logistic", "tanh": "tanh", "relu": "relu"}


def _network(weights, biases, activations):
    *hidden, output = activations
    if output != "identity" or len(set(hidden)) > 1:
        raise NotImplementedError("one activation for all hidden layers, and none in the last")
    network = MLPRegressor(activation=NAMES[hidden[0]] if hidden else "identity", alpha=0.0)
    network.coefs_, network.intercepts_ = [W.T for W in weights], list(biases)
    network.n_layers_, network.out_activation_ = len(weights) + 1, "identity"
    return network


def forward(weights, biases, x, activations):
    network = _network(weights, biases, activations)
    return network._forward_pass([x] + [None] * len(weights))


def backward(weights, biases, x, y, activations, loss):
    if loss != "half_squared_error_mean":
        raise NotImplementedError("the gradient of half_squared_error_mean only")
    L = len(weights)
    network = _network(weights, biases, activations)
    _, dW, db = network._backprop(x, y, None, [x] + [None] * L, [None] * L, [None] * L, [None] * L)
    return [np.ascontiguousarray(g.T) for g in dW], db
