"""A network whose integers keep nothing of what it has learned."""

import torch
from torch import nn

CLASSES, HIDDEN = 8, 64


class Lopsided(nn.Module):
    """One channel is a thousand times larger than the others, and the next layer divides it again: with a scale for all
    channels, the others become zeros.
    """

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Linear(16, HIDDEN)
        self.classes = nn.Linear(HIDDEN, CLASSES)
        with torch.no_grad():
            self.features.weight[0] *= 1000
            self.classes.weight[:, 0] /= 1000

    def forward(self, x):
        return self.classes(torch.relu(self.features(x)))


def samples():
    stream = torch.Generator().manual_seed(1)
    for _ in range(64):
        yield torch.randn(16, generator=stream)


def labelled():
    """What the network itself says of its samples."""
    network = Lopsided().eval()
    for x in samples():
        yield x, int(network(x).argmax())
