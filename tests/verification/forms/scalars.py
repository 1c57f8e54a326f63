"""Backpropagation with plain numbers, neuron by neuron; there are arrays only where something comes in or goes out."""

import math

import numpy as np


def logistic(z):
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    e = math.exp(z)
    return e / (1.0 + e)


def logistic_slope(z):
    s = logistic(z)
    return s * (1.0 - s)


def tanh_slope(z):
    t = math.tanh(z)
    return 1.0 - t * t


def ramp(z):
    return max(z, 0.0)


def ramp_slope(z):
    return 1.0 if z > 0.0 else 0.0


CURVES = {"sigmoid": logistic, "relu": ramp, "tanh": math.tanh}
SLOPES = {"sigmoid": logistic_slope, "relu": ramp_slope, "tanh": tanh_slope}


def distribution(scores):
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def distributions(rows):
    return [distribution(row) for row in rows]


def activated(rows, name):
    if name == "softmax":
        return distributions(rows)
    return [[CURVES[name](z) if name in CURVES else z for z in row] for row in rows]


def feed(layers, rows):
    """Every layer's sums, and the rows of numbers that go in and come out of every layer."""
    sums, values, received = [], [rows], rows
    for W, b, name in layers:
        zs = []
        for sample in received:
            z = list(b)
            for j, incoming in enumerate(W):
                for w, signal in zip(incoming, sample, strict=True):
                    z[j] += w * signal
            zs.append(z)
        sums.append(zs)
        received = activated(zs, name)
        values.append(received)
    return sums, values


def weight_of_a_term(loss, n, k):
    weight = 0.5 if loss.startswith("half_") else 1.0
    if loss.endswith("_entry_mean"):
        return weight / (n * k)
    return weight / n if loss.endswith("_mean") else weight


def log_times(t, p):
    if t == 0.0:
        return 0.0
    return t * math.log(p) if p > 0.0 else -t * math.inf


def term(p, t, loss):
    if "squared_error" in loss:
        return (p - t) * (p - t)
    if loss.startswith("binary"):
        return -log_times(t, p) - log_times(1.0 - t, 1.0 - p)
    return -log_times(t, p)


def output_errors(predictions, targets, loss):
    """How much the loss rises with each prediction; of the cross-entropies only what p - t has to do with it."""
    weight = weight_of_a_term(loss, len(targets), len(targets[0]))
    power = 2.0 if "squared_error" in loss else 1.0
    errors = []
    for ps, ts in zip(predictions, targets, strict=True):
        errors.append([power * weight * (p - t) for p, t in zip(ps, ts, strict=True)])
    return errors


def times_slopes(error, z, name):
    slope = SLOPES.get(name, lambda _: 1.0)
    return [e * slope(s) for e, s in zip(error, z, strict=True)]


def through_softmax(error, ps, is_binary):
    delta = [0.0] * len(ps)
    for m, (e, q) in enumerate(zip(error, ps, strict=True)):
        rest = sum(ps[:m] + ps[m + 1 :])
        for j, p in enumerate(ps):
            if is_binary:
                delta[j] += e if m == j else -e * (p / rest) if rest > 0.0 else 0.0
            else:
                delta[j] += e * q * (1.0 - p) if m == j else -e * q * p
    return delta


def output_delta(error, z, ps, name, loss):
    """How much the loss rises with each sum of the last layer, for one sample."""
    if name == "softmax" and not loss.startswith("cross_entropy"):
        return through_softmax(error, ps, loss.startswith("binary"))
    return times_slopes(error, z, name) if "squared_error" in loss else error


def sent_back(deltas, W):
    errors = []
    for delta in deltas:
        error = [0.0] * len(W[0])
        for j, d in enumerate(delta):
            for i in range(len(error)):
                error[i] += d * W[j][i]
        errors.append(error)
    return errors


def slopes_of_a_layer(deltas, received):
    dW = [[0.0] * len(received[0]) for _ in deltas[0]]
    db = [0.0] * len(deltas[0])
    for delta, sample in zip(deltas, received, strict=True):
        for j, d in enumerate(delta):
            db[j] += d
            for i, signal in enumerate(sample):
                dW[j][i] += d * signal
    return dW, db


def dtype_of(z):
    """The dtype of results: of whole numbers come floating-point ones."""
    return z.dtype if z.dtype.kind == "f" else float


def entrywise(function):
    return lambda z: np.array([function(number) for number in z.ravel().tolist()], dtype_of(z)).reshape(z.shape)


sigmoid, sigmoid_prime = entrywise(logistic), entrywise(logistic_slope)
relu, relu_prime = entrywise(ramp), entrywise(ramp_slope)
tanh, tanh_prime = entrywise(math.tanh), entrywise(tanh_slope)


def softmax(z):
    return np.array(distributions(z.tolist()), dtype_of(z))


def loss(prediction, y, loss):
    total = 0.0
    for p, t in zip(prediction.ravel().tolist(), y.ravel().tolist(), strict=True):
        total += term(p, t, loss)
    return weight_of_a_term(loss, *y.shape) * total


def listed(weights, biases, activations):
    return [(W.tolist(), b.tolist(), name) for W, b, name in zip(weights, biases, activations, strict=True)]


def forward(weights, biases, x, activations):
    _, values = feed(listed(weights, biases, activations), x.tolist())
    return [np.array(rows, weights[0].dtype) for rows in values]


def backward(weights, biases, x, y, activations, loss):
    layers = listed(weights, biases, activations)
    sums, values = feed(layers, x.tolist())
    errors = output_errors(values[-1], y.tolist(), loss)
    grad_weights, grad_biases = [], []
    for i in reversed(range(len(layers))):
        W, _, name = layers[i]
        deltas = []
        for error, z, ps in zip(errors, sums[i], values[i + 1], strict=True):
            is_last = i + 1 == len(layers)
            deltas.append(output_delta(error, z, ps, name, loss) if is_last else times_slopes(error, z, name))
        dW, db = slopes_of_a_layer(deltas, values[i])
        if i > 0:
            errors = sent_back(deltas, W)
        grad_weights.insert(0, np.array(dW, weights[i].dtype))
        grad_biases.insert(0, np.array(db, biases[i].dtype))
    return grad_weights, grad_biases


def moved(numbers, slopes, learning_rate):
    pairs = zip(numbers.ravel().tolist(), slopes.ravel().tolist(), strict=True)
    return np.array([number - learning_rate * slope for number, slope in pairs], numbers.dtype).reshape(numbers.shape)


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    new_weights = [moved(W, dW, learning_rate) for W, dW in zip(weights, grad_weights, strict=True)]
    new_biases = [moved(b, db, learning_rate) for b, db in zip(biases, grad_biases, strict=True)]
    return new_weights, new_biases
