"""The same mathematics written in many ways, all of them right."""

from __future__ import annotations

from tests.grader.students import (
    DB,
    DW,
    FORWARD,
    HIDDEN,
    JACOBIAN,
    NORMALISED,
    OTHER,
    RELU_PRIME,
    RIGHT,
    SIGMOID_PRIME,
    with_lines,
)

SIGMOID = "return 1.0 / (1.0 + np.exp(-z))"
LOSS_TERM = "np.sum((prediction - y) ** 2) / (2 * n)"
RETURN = "    return dW, db"

# Every number by itself, with the standard library's functions; NumPy only holds the results.
LOOPS = """
import math
import numpy as np

def each(f, z):
    out = np.empty(z.shape, z.dtype if z.dtype.kind == "f" else float)
    for index in np.ndindex(z.shape):
        out[index] = f(float(z[index]))
    return out

def s(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

def sigmoid(z): return each(s, z)
def sigmoid_prime(z): return each(lambda v: s(v) * (1 - s(v)), z)
def relu(z): return each(lambda v: max(0.0, v), z)
def relu_prime(z): return each(lambda v: 1.0 if v > 0 else 0.0, z)

def softmax(z):
    out = np.empty(z.shape, z.dtype if z.dtype.kind == "f" else float)
    for i in range(len(z)):
        m = max(z[i])
        e = [math.exp(v - m) for v in z[i]]
        for j in range(len(e)):
            out[i, j] = e[j] / sum(e)
    return out

G = {"identity": lambda z: z, "sigmoid": sigmoid, "relu": relu, "softmax": softmax}
D = {"identity": np.ones_like, "sigmoid": sigmoid_prime, "relu": relu_prime}

def loss(prediction, y, loss):
    total = 0.0
    for p, t in zip(prediction.ravel(), y.ravel()):
        if loss == "half_squared_error_mean":
            total += (float(p) - float(t)) ** 2 / 2
        elif t:
            total -= float(t) * math.log(p)
    return total / len(y)

def pre(W, b, a):
    n, k = len(a), len(b)
    z = np.zeros((n, k), W.dtype)
    for i in range(n):
        for j in range(k):
            z[i, j] = b[j]
            for l in range(a.shape[1]):
                z[i, j] += W[j, l] * a[i, l]
    return z

def forward(weights, biases, x, activations):
    a = [x]
    for i in range(len(weights)):
        a.append(G[activations[i]](pre(weights[i], biases[i], a[-1])))
    return a

def backward(weights, biases, x, y, activations, loss):
    a, z, n = [x], [], len(x)
    for i in range(len(weights)):
        z.append(pre(weights[i], biases[i], a[-1]))
        a.append(G[activations[i]](z[-1]))
    dW = [np.zeros_like(W) for W in weights]
    db = [np.zeros_like(b) for b in biases]
    for s in range(n):
        p, t = a[-1][s], y[s]
        if loss == "cross_entropy_mean":
            delta = [(p[j] - t[j]) / n for j in range(len(p))]
        elif activations[-1] == "softmax":
            v = [(p[j] - t[j]) / n for j in range(len(p))]
            delta = [sum(v[j] * p[j] * ((j == l) - p[l]) for j in range(len(p))) for l in range(len(p))]
        else:
            slope = D[activations[-1]](z[-1])[s]
            delta = [(p[j] - t[j]) / n * slope[j] for j in range(len(p))]
        for i in reversed(range(len(weights))):
            for j in range(len(delta)):
                db[i][j] += delta[j]
                for l in range(weights[i].shape[1]):
                    dW[i][j, l] += delta[j] * a[i][s, l]
            if i:
                slope = D[activations[i - 1]](z[i - 1])[s]
                delta = [
                    sum(delta[j] * weights[i][j, l] for j in range(len(delta))) * slope[l]
                    for l in range(weights[i].shape[1])
                ]
    return dW, db

def gradient_descent_step(weights, biases, grad_weights, grad_biases, learning_rate):
    return (
        tuple(W - learning_rate * g for W, g in zip(weights, grad_weights)),
        tuple(b - learning_rate * g for b, g in zip(biases, grad_biases)),
    )
"""

# Columns for samples, as many textbooks have it.
COLUMNS = with_lines(
    {
        "z.append(np.dot(a[-1], W.T) + b)": "z.append((W @ a[-1].T + b[:, None]).T)",
        DW: "dW[l] = (a[l].T @ delta).T",
        "back = np.dot(delta, weights[l])": "back = (weights[l].T @ delta.T).T",
    }
)

RIGHTS = {
    "plain": RIGHT,
    "loops": LOOPS,
    "columns": COLUMNS,
    "stable sigmoid": with_lines(
        {SIGMOID: "e = np.exp(-np.abs(z))\n    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))"}
    ),
    "sigmoid by tanh": with_lines({SIGMOID: "return 0.5 * (1 + np.tanh(0.5 * z))"}),
    "sigmoid by logaddexp": with_lines(
        {SIGMOID: "zero = z.dtype.type(0) if z.dtype.kind == 'f' else 0.0\n    return np.exp(-np.logaddexp(zero, -z))"}
    ),
    "slopes of outputs": with_lines(
        {
            HIDDEN: '            back = np.dot(delta, weights[l])\n            g = activations[l - 1]\n            delta = back * a[l] * (1 - a[l]) if g == "sigmoid" else back * (a[l] > 0) if g == "relu" else back\n',
            OTHER: 'delta = error / n\n        if activations[-1] == "sigmoid":\n            delta = delta * p * (1 - p)\n        elif activations[-1] == "relu":\n            delta[p <= 0] = 0',
        }
    ),
    "slope by exponentials": with_lines({SIGMOID_PRIME: "e = np.exp(-np.abs(z))\n    return e / (1 + e) ** 2"}),
    "slope by sigmoid of -z": with_lines({SIGMOID_PRIME: "return sigmoid(z) * sigmoid(-z)"}),
    "einsum": with_lines(
        {
            DW: "dW[l] = np.einsum('nj,nl->jl', delta, a[l])",
            DB: "db[l] = np.einsum('nj->j', delta)",
            "back = np.dot(delta, weights[l])": "back = np.einsum('nj,jl->nl', delta, weights[l])",
            FORWARD: "a.append(activation(np.einsum('nl,jl->nj', a[-1], W) + b, name))",
        }
    ),
    "sample by sample": with_lines(
        {
            DW: "dW[l] = sum(np.outer(d, r) for d, r in zip(delta[::-1], a[l][::-1]))",
            DB: "db[l] = np.cumsum(delta[::-1], axis=0, dtype=delta.dtype)[-1]",
        }
    ),
    "bias as a weight": with_lines(
        {
            "z.append(np.dot(a[-1], W.T) + b)": "one = np.ones((n, 1), W.dtype)\n        z.append(np.hstack([a[-1], one]) @ np.hstack([W, b[:, None]]).T)"
        }
    ),
    "softmax's Jacobian at once": with_lines(
        {
            JACOBIAN: "        J = p[:, :, None] * np.eye(p.shape[1], dtype=p.dtype) - p[:, :, None] * p[:, None, :]\n        delta = np.einsum('njl,nj->nl', J, g)\n"
        }
    ),
    "softmax without a Jacobian": with_lines(
        {JACOBIAN: "        delta = p * (g - np.sum(g * p, axis=1, keepdims=True))\n"}
    ),
    "softmax by log-sum-exp": with_lines(
        {NORMALISED: "return np.exp(shifted - np.log(np.sum(exps, axis=1, keepdims=True)))"}
    ),
    "softmax by the log-sum-exp of z itself": with_lines(
        {
            NORMALISED: "largest = np.max(z, axis=1, keepdims=True)\n    "
            "return np.exp(z - (largest + np.log(np.sum(exps, axis=1, keepdims=True))))"
        }
    ),
    "ReLU by product": with_lines(
        {"return np.maximum(z, 0)": "return z * (z > 0)", RELU_PRIME: "    d = np.heaviside(z, 0 * z)"}
    ),
    "ReLU by absolute value": with_lines({"return np.maximum(z, 0)": "return (z + np.abs(z)) / 2"}),
    "loss by mean": with_lines({LOSS_TERM: "np.mean(np.sum(np.square(y - prediction), axis=1)) / 2"}),
    "loss by norm": with_lines({LOSS_TERM: "0.5 * sum(np.dot(r, r) for r in prediction - y) / n"}),
    "loss as a float": with_lines({"return " + LOSS_TERM: "return float(" + LOSS_TERM + ")"}),
    "scale at the end": with_lines(
        {
            "error = p - y": "error = (p - y) * 1.0",
            DB: "db[l] = np.sum(delta * n, axis=0) / n",
            DW: "dW[l] = np.dot((delta * n).T, a[l]) / n",
        }
    ),
    "tuples": with_lines(
        {
            RETURN: "    return tuple(dW), tuple(db)",
            "    return new_weights, new_biases": "    return [tuple(new_weights), tuple(new_biases)]",
            "    return a\n\n\ndef backward": "    return tuple(a)\n\n\ndef backward",
        }
    ),
    "y - p with +=": with_lines({"error = p - y": "error = -(y - p)"}),
    "copies": with_lines(
        {
            "    a = [x]\n    z = []": "    weights = [W.copy() for W in weights]\n    a = [np.array(x)]\n    z = []",
            "    p = a[-1]\n": "    p = a[-1].copy()\n    y = y.copy()\n",
        }
    ),
    "a subclass of arrays": with_lines(
        {
            "import numpy as np\n": "import numpy as np\n\n\nclass Mine(np.ndarray):\n    pass\n",
            RETURN: "    return [g.view(Mine) for g in dW], db",
        }
    ),
}
