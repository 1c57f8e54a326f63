"""micrograd's MLP behind the contract, one sample at a time, under the loss that its demonstration sums up.

It fails where a hidden layer has a single neuron: a layer of one gives a number and not a list, and the next cannot go
through it.
"""

import numpy as np
from micrograd.nn import MLP

from backproof import adapters

CONVENTION = adapters.Convention(hidden=("relu",), last=("identity",), losses=("squared_error_sum",))


def _network(weights, biases):
    network = MLP(weights[0].shape[1], [len(b) for b in biases])
    for layer, W, b in zip(network.layers, weights, biases, strict=True):
        for neuron, row, bias in zip(layer.neurons, W, b, strict=True):
            neuron.b.data = float(bias)
            for weight, value in zip(neuron.w, row, strict=True):
                weight.data = float(value)
    return network


def _values(output):
    return output if isinstance(output, list) else [output]


@adapters.per_sample
def forward(weights, biases, x, activations):
    outputs = [x.tolist()]
    for layer in _network(weights, biases).layers:
        outputs.append(layer(outputs[-1]))
    return [x, *(np.array([value.data for value in _values(output)], x.dtype) for output in outputs[1:])]


@adapters.per_sample
def backward(weights, biases, x, y, activations, loss):
    network = _network(weights, biases)
    prediction = _values(network(x.tolist()))
    sum((p - float(label)) ** 2 for p, label in zip(prediction, y, strict=True)).backward()
    return (
        [np.array([[w.grad for w in n.w] for n in layer.neurons], x.dtype) for layer in network.layers],
        [np.array([n.b.grad for n in layer.neurons], x.dtype) for layer in network.layers],
    )
