"""Models of 2022, of the recipe by hand's own days: random weights, images in."""

import torch
import torchvision
from torch import nn
from torch.nn import functional


class Own(nn.Module):
    """A net of nobody else's: a shape that is read, a residual, a convolution of every channel, a mean, a softmax."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.head = nn.Linear(8, 10)

    def forward(self, image):
        x = functional.relu(self.norm(self.stem(image)))
        x = x + torch.sigmoid(self.depthwise(x))
        x = functional.max_pool2d(x, 2).mean((2, 3))
        return torch.softmax(self.head(x.view(x.size(0), -1)), 1)


class Enlarged(nn.Module):
    """What onnx-tf refuses: bilinear interpolation as PyTorch does it."""

    def forward(self, image):
        return functional.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)


def own():
    torch.manual_seed(0)
    return Own()


def mobilenet_v2():
    torch.manual_seed(0)
    return torchvision.models.mobilenet_v2()


def resnet18():
    torch.manual_seed(0)
    return torchvision.models.resnet18()


def alexnet():
    torch.manual_seed(0)
    return torchvision.models.alexnet()


def plain():
    """What converts with any versions: no pooling, no padding."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 4))
