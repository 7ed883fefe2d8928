"""A model whose inputs and outputs only their names tell apart, with integers of 8 bits among them."""

from torch import nn


class Mixed(nn.Module):
    """Four inputs of one shape, and outputs in no order of the alphabet."""

    def forward(self, first, pixels, second, marks):
        return (second - first) / 2, pixels.float() / 32, marks, (first + second) / 2, pixels
