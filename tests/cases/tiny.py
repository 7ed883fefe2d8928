"""Small models of each kind that a user may bring."""

import torch
from sibling import head
from torch import nn


def network():
    """1x3xHxW to 1x4, with what most image models have."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        head(8),
    )


class Reader(nn.Module):
    """A picture and words to numbers, in an order of inputs and outputs that is nobody's alphabet."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(10, 4)
        self.see = nn.Conv2d(3, 4, 3, bias=False)

    def forward(self, picture, ids, mask):
        seen = self.see(picture).mean((2, 3))
        read = self.words(ids).mean(1)
        return {"score": seen - read, "parts": (read - seen, [mask * 2]), "all": torch.cat((seen, read), 1)}


class Anchored(nn.Module):
    """Boxes of each picture around anchors, which all pictures share."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.see = nn.Conv2d(3, 8, 3)

    def forward(self, picture, anchors):
        seen = self.see(picture).flatten(2).mean(2).reshape(-1, 2, 4)
        return seen.repeat(1, 3, 1) + anchors, anchors * 2


class Difference(nn.Module):
    """Two inputs and two outputs of one shape, which only their order and names tell apart."""

    def forward(self, right, left):
        return left - right, left - 2 * right


class Twice(nn.Module):
    """A layer that is used twice, on numbers of different size."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(8, 4)

    def forward(self, x):
        return self.layer(x) * self.layer(x * 0.01)


class Filter(nn.Sequential):
    """An image to an image of the same size."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 3, padding=1))


class RunningSum(nn.Module):
    """A sum in 64 bits, which TFLite has no operators for."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.see = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        exact = self.see(x).double()
        return torch.relu((exact.cumsum(3) - exact.sum(3, keepdim=True)).float())
