"""Models whose inputs and outputs are more than one tensor each."""

import torch
from seeding import seeded
from torch import nn

IMAGE = (1, 3, 64, 64)


def convolution(channels, features, size, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels, features, size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(features), nn.SiLU()
    )


class SpatialPyramid(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.pools = nn.ModuleList(nn.MaxPool2d(size, stride=1, padding=size // 2) for size in (5, 9, 13))
        self.merge = convolution(4 * channels, channels, 1)

    def forward(self, x):
        return self.merge(torch.cat([x, *(pool(x) for pool in self.pools)], dim=1))


class Yolo(nn.Module):
    """Two scales of (batch, anchors, height, width, 5 + classes), the boxes decoded."""

    anchors, classes = 3, 4

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 8, 3, 2), convolution(8, 16, 3, 2), convolution(16, 32, 3, 2))
        self.deep = nn.Sequential(convolution(32, 32, 3, 2), SpatialPyramid(32))
        self.lateral = convolution(32, 32, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.merge = convolution(64, 32, 3)
        self.heads = nn.ModuleList(nn.Conv2d(32, self.anchors * (5 + self.classes), 1) for _ in range(2))

    def forward(self, image):
        shallow = self.stem(image)
        deep = self.deep(shallow)
        merged = self.merge(torch.cat([self.up(self.lateral(deep)), shallow], dim=1))
        return [self.decoded(head(x)) for head, x in zip(self.heads, (merged, deep))]

    def decoded(self, x):
        batch, _, height, width = x.shape
        x = x.view(batch, self.anchors, 5 + self.classes, height, width).permute(0, 1, 3, 4, 2).sigmoid()
        rows, columns = torch.meshgrid([torch.arange(height), torch.arange(width)])
        centres = (x[..., :2] * 2 - 0.5 + torch.stack([columns, rows], dim=-1)) / width
        return torch.cat([centres, (x[..., 2:4] * 2) ** 2, x[..., 4:]], dim=-1)


class Siamese(nn.Module):
    """How alike two images are, with one network for both."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(convolution(3, 8, 3, 2), convolution(8, 16, 3, 2), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(16, 8)

    def forward(self, left, right):
        left, right = (self.head(self.body(image).flatten(1)) for image in (left, right))
        return torch.cosine_similarity(left, right), (left - right).abs()


class Named(nn.Module):
    """Outputs in a dict that holds a list."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([convolution(3, 8, 3, 2), convolution(8, 16, 3, 2)])
        self.head = nn.Linear(16, 5)

    def forward(self, image):
        features = [image]
        for stage in self.stages:
            features.append(stage(features[-1]))
        return {"logits": self.head(features[-1].mean((2, 3))), "features": features[1:]}


@seeded(IMAGE)
def yolo():
    return Yolo()


@seeded(IMAGE, IMAGE)
def siamese():
    return Siamese()


@seeded(IMAGE)
def named_outputs():
    return Named()
