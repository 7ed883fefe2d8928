"""Models whose faults the seeded samples don't show."""

import torch
from torch import nn


class Branch(nn.Module):
    """A decision that the export freezes as the samples take it, which are positive."""

    def forward(self, x):
        return x * 2 if x.sum() > 0 else x - 1


class Head(nn.Module):
    """Boxes in pixels beside scores, in one output."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.boxes, self.scores = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 2, 1)

    def forward(self, image):
        return torch.cat([self.boxes(image).relu() * 300, torch.sigmoid(self.scores(image))], 1)


class Lookup(nn.Module):
    """Rows of a table by what the input says: of large numbers there are none."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Parameter(torch.rand(4, 8))

    def forward(self, x):
        return self.table[(x.abs() * 3).long()]
