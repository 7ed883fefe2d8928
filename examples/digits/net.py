"""A small network for scikit-learn's digits, images of 8x8 pixels, and what there is to do with it.

``build`` is the model; ``finetune`` and ``qat`` train it further on the data's first half, ``labelled`` is the second.

    pinlite convert examples/digits/net.py:build --weights examples/digits/digits.pt --input image=1x1x8x8 \
        --data examples/digits/digits.npz --prune 0.5 --finetune examples/digits/net.py:finetune
"""

import numpy as np
import torch
from torch import nn

# Pixels count from 0 to 16.
WHITE = 16


class Digits(nn.Module):
    """Logits, [N, 10], of images, [N, 1, 8, 8], whose pixels go from 0 to 1."""

    def __init__(self):
        super().__init__()
        self.stem = convolution(1, 16)
        self.wide = convolution(16, 32)
        self.deep = convolution(32, 32)
        self.last = convolution(32, 64)
        self.head = nn.Linear(64, 10)

    def forward(self, image):
        x = self.wide(self.stem(image))
        x = nn.functional.max_pool2d(x, 2)
        x = x + self.deep(x)
        return self.head(self.last(x).mean((2, 3)))


def convolution(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def build():
    return Digits()


def read(data, part):
    """Images and labels of a part, ``train`` or ``test``, as tensors."""
    with np.load(str(data)) as arrays:
        images, labels = arrays[part + "_images"], arrays[part + "_labels"]
    return torch.from_numpy(images[:, None].astype(np.float32) / WHITE), torch.from_numpy(labels.astype(np.int64))


def train(model, data, epochs, rate):
    """Train a model in place with Adam, whose learning rate falls to zero along half a cosine."""
    images, labels = read(data, "train")
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=64, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    model.train()
    for _ in range(epochs):
        for image, label in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(image), label).backward()
            optimizer.step()
            schedule.step()


def finetune(model, data):
    train(model, data, epochs=10, rate=2e-3)


def qat(model, data):
    train(model, data, epochs=5, rate=5e-4)


def labelled(data):
    """The held-out part, as pairs of an image, [1, 1, 8, 8], and its digit."""
    images, labels = read(data, "test")
    for image, label in zip(images, labels):  # noqa: B905 - Python 3.8 has no strict
        yield image.unsqueeze(0), label


def accuracy(model, data):
    """The share of the held-out part that the model gets right."""
    images, labels = read(data, "test")
    with torch.no_grad():
        return (model.eval()(images).argmax(1) == labels).float().mean().item()
