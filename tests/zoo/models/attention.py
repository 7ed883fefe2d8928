"""Transformers, and what they are made of."""

import torch
from seeding import seeded
from torch import nn

WORDS, WIDTH, HEADS = 64, 32, 4


class Encoder(nn.Module):
    """Token ids (batch, time), int64, to a vector of each token; with ``padded``, id 0 is no token."""

    def __init__(self, padded):
        super().__init__()
        self.padded = padded
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.layers = nn.TransformerEncoder(nn.TransformerEncoderLayer(WIDTH, HEADS, dim_feedforward=64), 2)

    def forward(self, ids):
        padding = ids == 0 if self.padded else None
        return self.layers(self.embedding(ids).transpose(0, 1), src_key_padding_mask=padding).transpose(0, 1)


class CausalAttention(nn.Module):
    """One head over (batch, time, WIDTH), where no step sees a later one."""

    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x):
        query, key, value = self.projections(x).chunk(3, dim=-1)
        scores = query @ key.transpose(1, 2) / WIDTH**0.5
        later = torch.ones_like(scores[0]).triu(1).bool()
        return scores.masked_fill(later, float("-inf")).softmax(-1) @ value


class EinsumAttention(nn.Module):
    """Several heads, written with einsum."""

    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(WIDTH, 3 * WIDTH)

    def forward(self, x):
        batch, time, _ = x.shape
        query, key, value = self.projections(x).view(batch, time, 3, HEADS, WIDTH // HEADS).unbind(2)
        weights = torch.einsum("bthc,bshc->bhts", query, key).softmax(-1)
        return torch.einsum("bhts,bshc->bthc", weights, value).reshape(batch, time, WIDTH)


@seeded()
def transformer_encoder():
    return Encoder(padded=False)


@seeded()
def transformer_encoder_padded():
    return Encoder(padded=True)


@seeded()
def causal_attention():
    return CausalAttention()


@seeded()
def einsum_attention():
    return EinsumAttention()
