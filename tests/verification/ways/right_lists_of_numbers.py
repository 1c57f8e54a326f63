"""All numbers are Python's, in lists of lists, and become arrays in the end; larger networks are declined."""

import math

import numpy as np

MOST = 3000


def logistic(z):
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z))


def softmax_row(row):
    e = [math.exp(v - max(row)) for v in row]
    return [v / sum(e) for v in e]


ACTIVATIONS = {"identity": lambda z: z, "sigmoid": logistic, "tanh": math.tanh, "relu": lambda z: max(z, 0.0)}
SLOPES = {
    "identity": lambda z: 1.0,
    "sigmoid": lambda z: logistic(z) * (1 - logistic(z)),
    "tanh": lambda z: 1 - math.tanh(z) ** 2,
    "relu": lambda z: 1.0 if z > 0 else 0.0,
}


def way_forward(weights, biases, x, activations):
    if len(x) * sum(W.size for W in weights) > MOST:
        raise NotImplementedError("small networks only")
    outputs, zs = [x.tolist()], []
    for W, b, name in zip(weights, biases, activations, strict=True):
        z = [
            [sum(map(float.__mul__, row, w), c) for w, c in zip(W.tolist(), b.tolist(), strict=True)]
            for row in outputs[-1]
        ]
        zs.append(z)
        if name == "softmax":
            outputs.append([softmax_row(row) for row in z])
        else:
            outputs.append([[ACTIVATIONS[name](v) for v in row] for row in z])
    return outputs, zs


def forward(weights, biases, x, activations):
    return [np.array(a, x.dtype) for a in way_forward(weights, biases, x, activations)[0]]


def backward(weights, biases, x, y, activations, loss):
    if loss not in ("squared_error_sum", "half_squared_error_mean", "cross_entropy_sum"):
        raise NotImplementedError("three losses only")
    outputs, zs = way_forward(weights, biases, x, activations)
    c = {"squared_error_sum": 2.0, "half_squared_error_mean": 1 / len(x), "cross_entropy_sum": 1.0}[loss]
    delta = [[c * (p - t) for p, t in zip(*rows, strict=True)] for rows in zip(outputs[-1], y.tolist(), strict=True)]
    if loss != "cross_entropy_sum":
        if activations[-1] == "softmax":
            delta = [
                [p * (d - sum(map(float.__mul__, ps, ds))) for p, d in zip(ps, ds, strict=True)]
                for ps, ds in zip(outputs[-1], delta, strict=True)
            ]
        else:
            delta = with_slopes(delta, zs[-1], activations[-1])
    dW, db = [], []
    for i in reversed(range(len(weights))):
        columns = list(zip(*delta, strict=True))
        received = list(zip(*outputs[i], strict=True))
        dW.insert(0, np.array([[sum(map(float.__mul__, d, a)) for a in received] for d in columns], x.dtype))
        db.insert(0, np.array([sum(d) for d in columns], x.dtype))
        if i:
            columns = weights[i].T.tolist()
            error = [[sum(map(float.__mul__, row, w)) for w in columns] for row in delta]
            delta = with_slopes(error, zs[i - 1], activations[i - 1])
    return dW, db


def with_slopes(errors, zs, name):
    return [[e * SLOPES[name](z) for e, z in zip(*rows, strict=True)] for rows in zip(errors, zs, strict=True)]
