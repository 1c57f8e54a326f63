"""What is computed is written on a tape of nodes, which is read backwards, as small autodiff libraries do."""

import honest
from honest import *  # noqa: F403


class Node:
    def __init__(self, value, parents=()):
        self.value, self.parents, self.grad = value, parents, 0

    def linear(self, W, b):
        return Node(
            self.value @ W.value.T + b.value,
            (
                (self, lambda g: g @ W.value),
                (W, lambda g: g.T @ self.value),
                (b, lambda g: g.sum(axis=0)),
            ),
        )

    def apply(self, name):
        return Node(
            honest.HONEST.activation(self.value, name),
            ((self, lambda g: g * honest.HONEST.slope(self.value, name)),),
        )

    def backward(self, grad):
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        self.grad = grad
        for node in reversed(order):
            for parent, pull in node.parents:
                parent.grad = parent.grad + pull(node.grad)


def backward(weights, biases, x, y, activations, loss):
    W, b, a = [Node(w) for w in weights], [Node(w) for w in biases], Node(x)
    for i, name in enumerate(activations):
        z = a.linear(W[i], b[i])
        if i < len(activations) - 1:
            a = z.apply(name)
    p = honest.HONEST.activation(z.value, activations[-1])
    z.backward(honest.HONEST.output_delta(z.value, p, y, activations[-1], loss))
    return [node.grad for node in W], [node.grad for node in b]
