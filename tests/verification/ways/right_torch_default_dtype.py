"""PyTorch's default is double precision from import on, and what was single is made so again in the end."""

import honest
import torch
from honest import *  # noqa: F403

torch.set_default_dtype(torch.float64)


def forward(weights, biases, x, activations):
    a, outputs = torch.Tensor(x.tolist()), [x]
    for W, b, name in zip(weights, biases, activations, strict=True):
        z = (a @ torch.tensor(W.tolist()).T + torch.tensor(b.tolist())).numpy().reshape(len(x), -1)
        outputs.append(honest.HONEST.activation(z, name).astype(x.dtype))
        a = torch.tensor(outputs[-1].tolist())
    return outputs
