"""A model whose code imports a package that the image lacks."""

from einops.layers.torch import Rearrange
from torch import nn


def network():
    return nn.Sequential(Rearrange("b c (h s) w -> b (c s) h w", s=2), nn.ReLU())
