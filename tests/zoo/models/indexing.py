"""Choosing, repeating and moving elements."""

import torch
from seeding import seeded
from torch import nn


class Function(nn.Module):
    """A function of features (batch, 12, 16) and, where there are any, further inputs."""

    def __init__(self, function):
        super().__init__()
        self.features = nn.Linear(16, 16)
        self.function = function

    def forward(self, x, *others):
        return self.function(self.features(x), *others)


def masked(x, mask):
    kept = torch.where(mask, x, torch.zeros_like(x))
    return kept.sum(1) / mask.to(x.dtype).sum(1).clamp(min=1), x.masked_fill(~mask, -1.0)


MODELS = {
    "gather": lambda x, index: x.gather(2, index),
    "index_select": lambda x: x.index_select(1, torch.tensor([4, 0, 4, 2])),
    "advanced_indexing": lambda x, index: x[:, index],
    "topk": lambda x: x.topk(3),
    "argmax": lambda x: (x.argmax(-1), x.argmax(1, keepdim=True), x.max(2)[0]),
    "masks": masked,
    "repeat_interleave": lambda x: x.repeat_interleave(3, dim=1),
    "roll": lambda x: x.roll((2, -3), (1, 2)),
    "einsum": lambda x: torch.einsum("bij,bkj->bik", x, x),
}


def __getattr__(name):
    if name not in MODELS:
        raise AttributeError(name)
    return seeded()(lambda: Function(MODELS[name]))
