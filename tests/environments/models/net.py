"""Models that every torch from 1.8 on can build, but where they say since when."""

import torch
from torch import nn


class Convolutions(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU6()),
            *(nn.Conv2d(16, 16, 3, padding=1, groups=16), nn.BatchNorm2d(16), nn.Hardswish()),
            *(nn.Conv2d(16, 24, 1), nn.SiLU(), nn.MaxPool2d(2)),
        )
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        y, _ = self.lstm(x)
        return self.head(y)


class Transformer(nn.Module):
    """A block as it is written by hand."""

    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, n, 3, 4, c // 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-2, -1) / 2).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, n, c))
        return x + self.mlp(x)


class Attention(nn.Module):
    """scaled_dot_product_attention, which came with torch 2.0."""

    def __init__(self):
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = (part.unflatten(-1, (2, 4)).transpose(1, 2) for part in self.linear(self.norm(x)).chunk(3, -1))
        return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


class Encoder(nn.Module):
    """torch's own, which has a fast path of one operator in evaluation mode from 1.12 on."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 2)

    def forward(self, x):
        return self.encoder(x)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 4)

    def forward(self, x):
        y = self.linear(x)
        if y.abs().sum() > 0:
            y = y + 1
        return y * float(x.abs().max() > -1)


class ByName(nn.Module):
    """A dict, an input that is not used, and an optional one."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 6)

    def forward(self, ids, mask=None, scale=None, unused=None):  # noqa: ARG002 - as its name says
        y = self.embedding(ids)
        y = y if mask is None else y * mask.unsqueeze(-1)
        y = y if scale is None else y * scale["by"]
        return {"hidden": y, "pooled": y.mean(1)}


class Norm(nn.Module):
    """nn.RMSNorm, which came with torch 2.4."""

    def __init__(self):
        super().__init__()
        self.norm = nn.RMSNorm(8)

    def forward(self, x: torch.Tensor):
        return self.norm(x)
