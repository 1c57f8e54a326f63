"""Tensors with the gradients by hand, and autograd turned off for good at import."""

import honest
import torch
from honest import *  # noqa: F403

torch.set_grad_enabled(False)


class Tensors(honest.Honest):
    def affine(self, a, W, b):
        return torch.addmm(torch.tensor(b), torch.tensor(a), torch.tensor(W).T).numpy()

    def error_back(self, delta, W):
        return torch.mm(torch.tensor(delta), torch.tensor(W)).numpy()

    def weight_gradient(self, delta, a):
        return torch.einsum("si,sj->ij", torch.tensor(delta), torch.tensor(a)).numpy()

    def bias_gradient(self, delta):
        return torch.tensor(delta).sum(dim=0).numpy()

    def sigmoid(self, z):
        return torch.sigmoid(torch.tensor(z)).numpy()

    def softmax(self, z):
        return torch.softmax(torch.tensor(z), dim=1).numpy()


globals().update(honest.functions_of(Tensors()))
