"""Small networks of the kinds that run on small devices. Each gives logits."""

import math

import torch
from torch import nn
from torch.nn import functional


def convolution(inputs, outputs, size=1, stride=1, groups=1, act=nn.ReLU6):
    """A convolution with BatchNorm and an activation; ``size`` is of a kernel that is odd."""
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([act()] if act else []))


class InvertedResidual(nn.Module):
    """A block of MobileNetV2, or of MobileNetV3 with another activation and squeeze and excitation."""

    def __init__(self, inputs, outputs, stride=1, expansion=4, act=nn.ReLU6, excited=False):
        super().__init__()
        hidden = inputs * expansion
        self.expand = convolution(inputs, hidden, act=act)
        self.depthwise = convolution(hidden, hidden, 3, stride, groups=hidden, act=act)
        self.excite = Excitation(hidden) if excited else nn.Identity()
        self.project = convolution(hidden, outputs, act=None)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.excite(self.depthwise(self.expand(x))))
        return x + y if self.residual else y


class Excitation(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.grow = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x):
        weights = self.grow(functional.relu(self.squeeze(x.mean((2, 3), keepdim=True))))
        return x * functional.hardsigmoid(weights)


class Classifier(nn.Module):
    """Features, averaged over the image, and a dense layer."""

    def __init__(self, features, channels, classes):
        super().__init__()
        self.features = features
        self.classes = nn.Linear(channels, classes)

    def forward(self, image):
        return self.classes(self.features(image).mean((2, 3)))


# Of the MobileNets: inputs, outputs, stride.
BLOCKS = ((16, 24, 2), (24, 24, 1), (24, 32, 1), (32, 32, 1))


def mobilenet_v2():
    """MobileNetV2 of four blocks, on images of 28x28."""
    features = [convolution(1, 16, 3, 2), *(InvertedResidual(*block) for block in BLOCKS), convolution(32, 96)]
    return Classifier(nn.Sequential(*features), 96, 10)


def mobilenet_v3():
    """The same in the manner of MobileNetV3: hard swish, squeeze and excitation."""
    features = [
        convolution(1, 16, 3, 2, act=nn.Hardswish),
        *(InvertedResidual(*block, act=nn.Hardswish, excited=True) for block in BLOCKS),
        convolution(32, 96, act=nn.Hardswish),
    ]
    return Classifier(nn.Sequential(*features), 96, 10)


class Basic(nn.Module):
    """A block of ResNet."""

    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride, act=nn.ReLU)
        self.second = convolution(outputs, outputs, 3, act=None)
        self.short = nn.Identity() if inputs == outputs else convolution(inputs, outputs, 1, stride, act=None)

    def forward(self, x):
        return functional.relu(self.short(x) + self.second(self.first(x)))


def resnet():
    """ResNet of eight layers, on images of 8x8."""
    features = [convolution(1, 16, 3, act=nn.ReLU), Basic(16, 16), Basic(16, 32, 2), Basic(32, 64, 2)]
    return Classifier(nn.Sequential(*features), 64, 10)


def ds_cnn():
    """DS-CNN, as for keyword spotting ("Hello Edge", 2017), on frames of cepstral coefficients."""
    layers = [convolution(1, 32, 5, 2, act=nn.ReLU)]
    for _ in range(3):
        layers += [convolution(32, 32, 3, groups=32, act=nn.ReLU), convolution(32, 32, act=nn.ReLU)]
    return Classifier(nn.Sequential(*layers), 32, 9)


def dense(inputs, classes):
    """Three dense layers on standardized measurements."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, classes))


def mlp_segments():
    return dense(18, 7)


def mlp_shuttle():
    return dense(9, 2)


class Encoder(nn.Module):
    """A layer of a transformer, normalized before attention and before the dense layers."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.shares = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.dense = nn.Sequential(nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))

    def forward(self, x):
        count, length, width = x.shape
        shares = self.shares(self.before(x)).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = shares.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(2, 3) / math.sqrt(width // self.heads)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(count, length, width)
        x = x + self.join(mixed)
        return x + self.dense(self.between(x))


class Transformer(nn.Module):
    """Two encoders on frames of cepstral coefficients, averaged over time."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(12, 32)
        self.place = nn.Parameter(0.1 * torch.randn(1, 25, 32))
        self.encoders = nn.Sequential(Encoder(32, 4), Encoder(32, 4))
        self.norm = nn.LayerNorm(32)
        self.classes = nn.Linear(32, 9)

    def forward(self, frames):
        x = self.encoders(self.embed(frames.squeeze(1)) + self.place)
        return self.classes(self.norm(x).mean(1))


def transformer():
    return Transformer()
