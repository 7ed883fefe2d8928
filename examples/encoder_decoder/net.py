"""An encoder and a decoder's step as two models that share their embedding and a dense layer, with seeded weights."""

import torch
from torch import nn

SEED, WORDS, WIDTH = 0, 1000, 64


class Shared(nn.Module):
    """What both have: a vector for each word."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, WIDTH)
        self.projection = nn.Linear(WIDTH, WIDTH)

    def forward(self, words):
        return torch.relu(self.projection(self.embedding(words)))


class Encoder(nn.Module):
    """The state after a sentence."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared
        self.memory = nn.GRU(WIDTH, WIDTH, batch_first=True)

    def forward(self, tokens):
        _, state = self.memory(self.shared(tokens))
        return state.squeeze(0)


class Step(nn.Module):
    """A score for each word that may come next, and the state after the word before it."""

    def __init__(self, shared):
        super().__init__()
        self.shared = shared
        self.memory = nn.GRUCell(WIDTH, WIDTH)

    def forward(self, token, state):
        state = self.memory(self.shared(token), state)
        return torch.matmul(state, self.shared.embedding.weight.t()), state


def _parts():
    torch.manual_seed(SEED)
    shared = Shared()
    return Encoder(shared), Step(shared)


def encoder() -> nn.Module:
    return _parts()[0]


def decoder_step() -> nn.Module:
    return _parts()[1]
