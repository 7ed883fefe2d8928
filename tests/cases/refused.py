"""Models that can't be converted, each for a reason of its own."""

import torch
from torch import nn


class Gamma(nn.Module):
    """ONNX has nothing for lgamma."""

    def forward(self, x):
        return torch.lgamma(x)


class Unique(nn.Module):
    """ONNX has Unique, and TensorFlow gets none from it."""

    def forward(self, x):
        return x + torch.unique(x).sum()


class Counting(nn.Module):
    """Adds another number to each element of the batch."""

    def forward(self, x):
        return x + torch.arange(x.shape[0], dtype=torch.float32)[:, None]


class Failing(nn.Module):
    def forward(self, x):
        if x.shape:
            raise RuntimeError("the model has had enough")
        return x


def number():
    return 42
