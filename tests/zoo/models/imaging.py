"""Models that make images of images."""

import torch
from seeding import seeded
from torch import nn

IMAGE = (1, 3, 64, 64)


def double_convolution(channels, features):
    return nn.Sequential(
        *(nn.Conv2d(channels, features, 3, padding=1, bias=False), nn.BatchNorm2d(features), nn.ReLU(inplace=True)),
        *(nn.Conv2d(features, features, 3, padding=1, bias=False), nn.BatchNorm2d(features), nn.ReLU(inplace=True)),
    )


class UNet(nn.Module):
    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            double_convolution(channels, features) for channels, features in zip((3, *widths), widths)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 2, stride=2) for below, above in zip(widths[:0:-1], widths[-2::-1])
        )
        self.merge = nn.ModuleList(double_convolution(2 * features, features) for features in widths[-2::-1])
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        skipped = []
        for block in self.down:
            skipped.append(block(self.pool(skipped[-1]) if skipped else x))
        x = skipped.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skipped.pop(), up(x)], dim=1))
        return self.head(x)


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)),
            nn.ReLU(),
            *(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels, affine=True)),
        )

    def forward(self, x):
        return x + self.body(x)


def style_network(upsample):
    return nn.Sequential(
        *(nn.ReflectionPad2d(4), nn.Conv2d(3, 8, 9), nn.InstanceNorm2d(8, affine=True), nn.ReLU()),
        *(nn.ReflectionPad2d(1), nn.Conv2d(8, 16, 3, stride=2), nn.InstanceNorm2d(16, affine=True), nn.ReLU()),
        *(Residual(16), Residual(16), upsample),
        *(nn.ReflectionPad2d(1), nn.Conv2d(16, 8, 3), nn.InstanceNorm2d(8, affine=True), nn.ReLU()),
        *(nn.ReflectionPad2d(4), nn.Conv2d(8, 3, 9)),
    )


@seeded(IMAGE)
def unet():
    return UNet()


@seeded()
def super_resolution():
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 9, 3, padding=1), nn.PixelShuffle(3)),
    )


@seeded()
def style_nearest():
    return style_network(nn.Upsample(scale_factor=2, mode="nearest"))


@seeded()
def style_bilinear():
    return style_network(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))


@seeded()
def style_bilinear_aligned():
    return style_network(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True))
