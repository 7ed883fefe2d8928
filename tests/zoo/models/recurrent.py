"""Recurrent classifiers of sequences."""

from seeding import seeded
from torch import nn

FEATURES, HIDDEN, CLASSES = 12, 24, 5


class Classifier(nn.Module):
    """A recurrent network over (batch, time, FEATURES), and a linear layer on its last step."""

    def __init__(self, network, **options):
        super().__init__()
        self.network = network(FEATURES, HIDDEN, batch_first=True, **options)
        self.head = nn.Linear(HIDDEN * (2 if self.network.bidirectional else 1), CLASSES)

    def forward(self, sequence):
        steps, _ = self.network(sequence)
        return self.head(steps[:, -1])


@seeded()
def lstm():
    return Classifier(nn.LSTM, num_layers=2)


@seeded()
def lstm_bidirectional():
    return Classifier(nn.LSTM, bidirectional=True)


@seeded()
def gru():
    return Classifier(nn.GRU, num_layers=2)


@seeded()
def gru_bidirectional():
    return Classifier(nn.GRU, bidirectional=True)
