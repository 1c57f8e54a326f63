"""Backpropagation with samples in columns: linear and activation helpers, and dictionaries with keys such as "W1"."""

import numpy as np


def sigmoid(Z):
    return np.exp(np.minimum(Z, 0)) / (1 + np.exp(-np.abs(Z)))


def sigmoid_prime(Z):
    S = sigmoid(Z)
    return S * (1 - S)


def relu(Z):
    return np.maximum(Z, 0)


def relu_prime(Z):
    slope = np.ones_like(Z)
    slope[Z <= 0] = 0
    return slope


def tanh(Z):
    return np.tanh(Z)


def tanh_prime(Z):
    return 1 - np.square(np.tanh(Z))


def softmax_columns(Z):
    T = np.exp(Z - np.max(Z, axis=0, keepdims=True))
    return T / np.sum(T, axis=0, keepdims=True)


def softmax(z):
    return softmax_columns(z.T).T


def softmax_backward(dA, Z):
    S = softmax_columns(Z)
    return S * (dA - np.sum(S * dA, axis=0, keepdims=True))


def activate(Z, activation):
    outputs = {"sigmoid": sigmoid, "relu": relu, "tanh": tanh, "softmax": softmax_columns, "identity": np.copy}
    return outputs[activation](Z)


def derivative(Z, activation):
    slopes = {"sigmoid": sigmoid_prime, "relu": relu_prime, "tanh": tanh_prime}
    return slopes.get(activation, np.ones_like)(Z)


def initialize_parameters(weights, biases):
    parameters = {f"W{i}": W for i, W in enumerate(weights, start=1)}
    parameters.update({f"b{i}": b.reshape(-1, 1) for i, b in enumerate(biases, start=1)})
    return parameters


def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    assert Z.shape == (W.shape[0], A.shape[1])
    return Z


def linear_activation_forward(A_prev, W, b, activation):
    Z = linear_forward(A_prev, W, b)
    return Z, activate(Z, activation)


def model_forward(X, parameters, activations):
    """The caches "A0", "Z1", "A1" and so on of all layers."""
    caches = {"A0": X}
    A = X
    for i, activation in enumerate(activations, start=1):
        W, b = parameters[f"W{i}"], parameters[f"b{i}"]
        caches[f"Z{i}"], caches[f"A{i}"] = linear_activation_forward(A, W, b, activation)
        A = caches[f"A{i}"]
    return caches


def samples_averaged(AL, loss):
    """m, that a mean over the samples is divided by; 1 where they are summed."""
    return 1 if loss.endswith("_sum") else AL.shape[1]


def cost_factor(AL, loss):
    """What each term of the loss is multiplied with, but for the mean over the samples."""
    factor = 0.5 if loss.startswith("half") else 1.0
    return factor / AL.shape[0] if loss.endswith("entry_mean") else factor


def weighted_log(Y, P):
    """Y log P, which is 0 where Y is."""
    return Y * np.log(np.where(Y > 0, P, 1))


def compute_cost(AL, Y, loss):
    if "squared_error" in loss:
        terms = np.square(AL - Y)
    elif loss.startswith("binary"):
        terms = -weighted_log(Y, AL) - weighted_log(1 - Y, 1 - AL)
    else:
        terms = -weighted_log(Y, AL)
    return cost_factor(AL, loss) * np.sum(terms) / samples_averaged(AL, loss)


def cost_backward(AL, Y, loss):
    """dAL of a squared error; of a cross-entropy what is left of it behind the activation that belongs to it."""
    dAL = cost_factor(AL, loss) * (AL - Y)
    return 2 * dAL if "squared_error" in loss else dAL


def output_backward(dAL, AL, ZL, activation, loss):
    if "squared_error" in loss:
        return softmax_backward(dAL, ZL) if activation == "softmax" else dAL * derivative(ZL, activation)
    if loss.startswith("binary") and activation == "softmax":
        ratio = dAL / (1 - AL)
        return ratio - AL * np.sum(ratio, axis=0, keepdims=True)
    return dAL


def linear_backward(dZ, A_prev, W, m):
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def linear_activation_backward(dA, Z, A_prev, W, activation, m):
    dZ = dA * derivative(Z, activation)
    return linear_backward(dZ, A_prev, W, m)


def model_backward(Y, parameters, caches, activations, loss):
    """The gradients "dA1", "dW1", "db1" and so on of all layers."""
    L = len(activations)
    AL, ZL = caches[f"A{L}"], caches[f"Z{L}"]
    m = samples_averaged(AL, loss)
    dAL = cost_backward(AL, Y, loss)
    dZL = output_backward(dAL, AL, ZL, activations[-1], loss)
    dA_prev, dW, db = linear_backward(dZL, caches[f"A{L - 1}"], parameters[f"W{L}"], m)
    grads = {f"dA{L - 1}": dA_prev, f"dW{L}": dW, f"db{L}": db}
    for i in reversed(range(1, L)):
        dA, Z, A_prev, W = grads[f"dA{i}"], caches[f"Z{i}"], caches[f"A{i - 1}"], parameters[f"W{i}"]
        dA_prev, dW, db = linear_activation_backward(dA, Z, A_prev, W, activations[i - 1], m)
        grads.update({f"dA{i - 1}": dA_prev, f"dW{i}": dW, f"db{i}": db})
    return grads


def update_parameters(parameters, grads, learning_rate):
    return {key: value - learning_rate * grads[f"d{key}"] for key, value in parameters.items()}


def forward(weights, biases, x, activations):
    caches = model_forward(np.array(x.T), initialize_parameters(weights, biases), activations)
    return [caches[f"A{i}"].T for i in range(len(weights) + 1)]


def loss(prediction, y, loss):
    return float(compute_cost(prediction.T, y.T, loss))


def backward(weights, biases, x, y, activations, loss):
    parameters = initialize_parameters(weights, biases)
    caches = model_forward(np.array(x.T), parameters, activations)
    grads = model_backward(y.T, parameters, caches, activations, loss)
    layers = range(1, len(weights) + 1)
    return [grads[f"dW{i}"] for i in layers], [grads[f"db{i}"].ravel() for i in layers]


def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    parameters = initialize_parameters(weights, biases)
    grads = {f"d{key}": value for key, value in initialize_parameters(grad_weights, grad_biases).items()}
    updated = update_parameters(parameters, grads, learning_rate)
    layers = range(1, len(weights) + 1)
    return [updated[f"W{i}"] for i in layers], [updated[f"b{i}"].ravel() for i in layers]
