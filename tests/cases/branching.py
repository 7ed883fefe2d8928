"""A model whose code looks at the numbers in its tensors."""

from torch import nn


class Branch(nn.Module):
    """Twice the input where its sum is positive, else one less."""

    def forward(self, x):
        if x.sum() > 0:
            return x * 2
        return x - 1
