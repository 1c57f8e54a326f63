"""A plain, correct backpropagation in steps that can be got wrong one by one; it shares no code with `reference_impl`.

In the steps, a is a layer's output, z its pre-activation, d the delta dL/dz; n samples, k outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from backproof.reference_impl.contract import Array, Layers, find_loss


class Textbook:
    """The contract's functions, in steps that can be got wrong one at a time.

    A mistake is a subclass. Its docstring says what is wrong. hint: what leads to the right way without showing it.
    printed: the statement of the notes that reads like that, where there is one. remembers: whether an answer depends
    on earlier calls. only_fails: whether it fails, by an error or other shapes, and gives no wrong numbers. strengths:
    where the mistake has a free number, the ones that people choose.
    """

    hint: ClassVar[str] = ""
    printed: ClassVar[str] = ""
    remembers: ClassVar[bool] = False
    only_fails: ClassVar[bool] = False
    strengths: ClassVar[tuple[float, ...]] = ()

    def sigmoid(self, z: Array) -> Array:
        """1 / (1 + e^-z)."""
        e = np.exp(-np.abs(z))
        return np.where(z >= 0, 1 / (1 + e), e / (1 + e))

    def sigmoid_prime(self, z: Array) -> Array:
        """g(z) (1 - g(z))."""
        return self.sigmoid(z) * (1 - self.sigmoid(z))

    def relu(self, z: Array) -> Array:
        """max(0, z)."""
        return z * (z > 0)

    def relu_prime(self, z: Array) -> Array:
        """1 where z > 0, else 0."""
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(0))

    def tanh(self, z: Array) -> Array:
        """The hyperbolic tangent."""
        return np.tanh(z)

    def tanh_prime(self, z: Array) -> Array:
        """1 - tanh(z)^2."""
        return 1 - np.tanh(z) ** 2

    def softmax(self, z: Array) -> Array:
        """e^z_j / sum_l e^z_l in every row."""
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def activate(self, z: Array, g: str) -> Array:
        """g(z)."""
        return z if g == "identity" else getattr(self, g)(z)

    def prime(self, z: Array, g: str) -> Array:
        """g'(z), entry by entry."""
        return np.ones_like(z) if g == "identity" else getattr(self, f"{g}_prime")(z)

    def affine(self, a: Array, W: Array, b: Array) -> Array:
        """z = a W^T + b."""
        return a @ W.T + b

    def propagate(
        self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]
    ) -> tuple[list[Array], list[Array]]:
        """x and every layer's output; every layer's pre-activation."""
        a, outputs, zs = self.take(x), [x], []
        for W, b, g in zip(weights, biases, activations, strict=True):
            zs.append(self.affine(a, W, b))
            a = self.store(self.activate(zs[-1], g), x)
            outputs.append(a)
        return outputs, zs

    def take(self, x: Array) -> Array:
        """What the first layer receives of the inputs."""
        return x

    def store(self, a: Array, x: Array) -> Array:
        """A layer's output, as it is kept and handed on."""
        return a

    def forward(self, weights: Layers, biases: Layers, x: Array, activations: Sequence[str]) -> list[Array]:
        """x and every layer's output."""
        return self.propagate(weights, biases, x, activations)[0]

    def scale(self, y: Array, loss: str) -> float:
        """What multiplies the sum of the loss's terms."""
        n, k = y.shape
        return find_loss(loss).factor / {"sum": 1, "mean": n, "entry_mean": n * k}[find_loss(loss).reduction]

    def log(self, p: Array) -> Array:
        """log p where p > 0; elsewhere 0, which only labels of 0 are multiplied with."""
        return np.log(np.where(p > 0, p, 1))

    def loss(self, prediction: Array, y: Array, loss: str) -> Any:
        """The loss's scale times the sum of its terms."""
        kind = find_loss(loss).kind
        if kind == "squared_error":
            terms = (prediction - y) ** 2
        elif kind == "cross_entropy":
            terms = -y * self.log(prediction)
        else:
            terms = -(y * self.log(prediction) + (1 - y) * self.log(1 - prediction))
        return terms.sum() * self.scale(y, loss)

    def predict(self, p: Array) -> Array:
        """The prediction that is held against the labels."""
        return p

    def residual(self, p: Array, y: Array, loss: str) -> Array:
        """The error of the prediction, p - y."""
        return p - y

    def output_error(self, p: Array, y: Array, loss: str) -> Array:
        """The error with the loss's scale: dL/dp of a squared error, dL/dz of a cross-entropy with its activation."""
        factor = 2 if find_loss(loss).kind == "squared_error" else 1
        return factor * self.scale(y, loss) * self.residual(p, y, loss)

    def output_delta(self, v: Array, z: Array, p: Array, g: str, loss: str) -> Array:
        """dL/dz of the last layer, from the output error v."""
        kind = find_loss(loss).kind
        if kind == "cross_entropy" or (kind == "binary_cross_entropy" and g == "sigmoid"):
            return v
        if kind == "binary_cross_entropy":
            q = v / (1 - p)
            return q - p * q.sum(axis=1, keepdims=True)
        return self.softmax_backward(z, p, v) if g == "softmax" else self.times_prime(v, z, g)

    def softmax_backward(self, z: Array, p: Array, v: Array) -> Array:
        """The softmax's Jacobian times v, row by row."""
        return p * (v - (p * v).sum(axis=1, keepdims=True))

    def times_prime(self, v: Array, z: Array, g: str) -> Array:
        """v * g'(z), at the last layer."""
        return v * self.prime(z, g)

    def weight_back(self, W: Array, dW: Array) -> Array:
        """The weights that the error goes back through."""
        return W

    def error_back(self, d: Array, e: Array, W: Array) -> Array:
        """dL/da of the layer before, from this layer's delta d; e: dL/da of this layer."""
        return self.times_weights(d, W)

    def times_weights(self, d: Array, W: Array) -> Array:
        """d W."""
        return d @ W

    def hidden_delta(self, e: Array, z: Array, g: str, next_g: str) -> Array:
        """The delta of a hidden layer, from e = dL/da; next_g: the activation of the layer after it."""
        return e * self.prime(z, g)

    def grad_weight(self, d: Array, received: Array, z_received: Array) -> Array:
        """dL/dW; z_received: the pre-activation of what was received."""
        return d.T @ received

    def grad_bias(self, d: Array, dW: Array) -> Array:
        """dL/db."""
        return d.sum(axis=0)

    def layer_gradients(self, i: int, d: Array, outputs: Layers, zs: Layers) -> tuple[Array, Array]:
        """dL/dW and dL/db of layer i + 1, which receives outputs[i]."""
        dW = self.grad_weight(d, outputs[i], zs[i - 1] if i else outputs[0])
        return dW, self.grad_bias(d, dW)

    def regularise(self, dW: Array, db: Array, W: Array, b: Array) -> tuple[Array, Array]:
        """The gradients with a penalty's; there is none."""
        return dW, db

    def backward(
        self, weights: Layers, biases: Layers, x: Array, y: Array, activations: Sequence[str], loss: str
    ) -> tuple[list[Array], list[Array]]:
        """dL/dW and dL/db of every layer, from the last to the first."""
        outputs, zs = self.propagate(weights, biases, x, activations)
        outputs[-1] = self.predict(outputs[-1])
        e = self.output_error(outputs[-1], y, loss)
        d = self.output_delta(e, zs[-1], outputs[-1], activations[-1], loss)
        dWs: list[Array] = []
        dbs: list[Array] = []
        for i in reversed(range(len(weights))):
            dW, db = self.layer_gradients(i, d, outputs, zs)
            if i:
                e = self.error_back(d, e, self.weight_back(weights[i], dW))
                d = self.hidden_delta(e, zs[i - 1], activations[i - 1], activations[i])
            dW, db = self.regularise(dW, db, weights[i], biases[i])
            dWs.insert(0, dW)
            dbs.insert(0, db)
        return dWs, dbs

    def gradient_descent_step(
        self, weights: Layers, biases: Layers, grad_weights: Layers, grad_biases: Layers, learning_rate: float
    ) -> tuple[list[Array], list[Array]]:
        """w - alpha dL/dw, and the same for the biases."""
        return (
            [self.step(W, g, learning_rate) for W, g in zip(weights, grad_weights, strict=True)],
            [self.step(b, g, learning_rate) for b, g in zip(biases, grad_biases, strict=True)],
        )

    def step(self, w: Array, gradient: Array, learning_rate: float) -> Array:
        """w - alpha dL/dw."""
        return w - learning_rate * gradient


def said(mistake: type[Textbook]) -> str:
    """What is wrong about a mistake, in a line."""
    return " ".join((mistake.__doc__ or "").split())


def changed_steps(kind: type[Textbook]) -> set[str]:
    """The steps that a mistake or a difference changes, by itself or by what it is derived from."""
    return {
        name
        for each in kind.__mro__[: kind.__mro__.index(Textbook)]
        for name in vars(each)
        if callable(getattr(Textbook, name, None)) and name != "__init__"
    }


def together(made: Sequence[Textbook]) -> Textbook:
    """One `Textbook` with the steps of several, which change different ones, and with their numbers."""
    if len(made) == 1:
        return made[0]
    both: Textbook = object.__new__(type("Together", (*map(type, made), Textbook), {}))
    for one in made:
        vars(both).update(vars(one))
    return both
