"""Models of a given size of weights, and of a given number of nodes, for `make bench-scale`."""

import torch
from torch import nn

LAYERS, BATCH = 8, 4


def by_size(megabytes: float) -> nn.Module:
    """Eight dense layers with so many millions of bytes of weights."""
    width = round((megabytes * 1e6 / 4 / LAYERS) ** 0.5)
    return nn.Sequential(
        nn.Linear(16, width), *(_Small(width, number) for number in range(LAYERS)), nn.Linear(width, 4)
    )


def by_nodes(nodes: int) -> nn.Module:
    """A chain of so many nodes in ONNX: a small convolution and a ReLU in turns."""
    pairs = [layer for _ in range(nodes // 2) for layer in (nn.Conv2d(8, 8, 1), nn.ReLU())]
    return nn.Sequential(nn.Conv2d(3, 8, 1), *pairs)


class _Small(nn.Module):
    """A dense layer, whose numbers are made in no time: random ones would take longer than the conversion. Layers of
    different ``number`` have different ones, as those of a real model: equal weights are converted in another way.
    """

    def __init__(self, width: int, number: int) -> None:
        super().__init__()
        steps = torch.arange(width * width, dtype=torch.float32).remainder_(977).sub_(488)
        self.weight = nn.Parameter(steps.reshape(width, width).div_((488 + number) * width**0.5))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(nn.functional.linear(x, self.weight, self.bias))
