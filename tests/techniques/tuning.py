"""Functions for --qat of models without data: they show the model what it is compared on later, numbers in [0, 1)."""

import torch

BATCHES, BATCH = 8, 4


def shown(*shape):
    def tune(model):
        for _ in range(BATCHES):
            model(torch.rand(BATCH, *shape))

    return tune


photographs = shown(3, 96, 96)
pictures = shown(3, 64, 64)
sequences = shown(16, 12)
