"""One kind of layer each, between convolutions where it is usually found there."""

from seeding import seeded
from torch import nn

CHANNELS = 8


class Mish(nn.Module):
    def forward(self, x):
        return x * nn.functional.softplus(x).tanh()


class Channelwise(nn.Module):
    """A LayerNorm over the channels of an image."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(CHANNELS)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def between_convolutions(layer, features=CHANNELS):
    """A builder; the layer makes ``features`` channels of CHANNELS."""
    return lambda: nn.Sequential(
        nn.Conv2d(3, CHANNELS, 3, padding=1), layer(), nn.Conv2d(features, CHANNELS, 3, padding=1)
    )


def stack(*layers):
    return lambda: nn.Sequential(*(layer() for layer in layers))


MODELS = {
    "prelu": between_convolutions(lambda: nn.PReLU(CHANNELS)),
    "prelu_shared": between_convolutions(nn.PReLU),
    "leaky_relu": between_convolutions(lambda: nn.LeakyReLU(0.1)),
    "elu": between_convolutions(nn.ELU),
    "gelu": between_convolutions(nn.GELU),
    "hardswish": between_convolutions(nn.Hardswish),
    "hardsigmoid": between_convolutions(nn.Hardsigmoid),
    "silu": between_convolutions(nn.SiLU),
    "mish": between_convolutions(Mish),
    "layer_norm": between_convolutions(Channelwise),
    "group_norm": between_convolutions(lambda: nn.GroupNorm(4, CHANNELS)),
    "max_pool_ceil": between_convolutions(lambda: nn.MaxPool2d(3, stride=2, ceil_mode=True)),
    "max_pool_ceil_padded": between_convolutions(lambda: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)),
    "avg_pool_ceil": between_convolutions(lambda: nn.AvgPool2d(3, stride=2, ceil_mode=True)),
    "avg_pool_ceil_padded": between_convolutions(lambda: nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True)),
    "avg_pool_uncounted": between_convolutions(lambda: nn.AvgPool2d(3, padding=1, count_include_pad=False)),
    "adaptive_avg_pool": between_convolutions(lambda: nn.AdaptiveAvgPool2d((4, 8))),
    "adaptive_avg_pool_uneven": between_convolutions(lambda: nn.AdaptiveAvgPool2d((5, 7))),
    "adaptive_max_pool": between_convolutions(lambda: nn.AdaptiveMaxPool2d((4, 8))),
    "adaptive_max_pool_uneven": between_convolutions(lambda: nn.AdaptiveMaxPool2d((5, 7))),
    "grouped_conv": between_convolutions(lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, groups=2)),
    "grouped_conv_strided": between_convolutions(lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, 2, padding=1, groups=4)),
    "depthwise_conv_doubled": between_convolutions(
        lambda: nn.Conv2d(CHANNELS, 2 * CHANNELS, 3, groups=CHANNELS), features=2 * CHANNELS
    ),
    "dilated_conv": between_convolutions(lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=2, dilation=2)),
    "dilated_depthwise_conv": between_convolutions(
        lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=3, dilation=3, groups=CHANNELS)
    ),
    "conv_transpose": between_convolutions(
        lambda: nn.ConvTranspose2d(CHANNELS, CHANNELS, 3, stride=2, padding=1, output_padding=1)
    ),
    "conv_transpose_grouped": between_convolutions(
        lambda: nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, stride=2, padding=1, groups=2)
    ),
    "conv1d": stack(
        *(lambda: nn.Conv1d(4, 8, 5, padding=2), lambda: nn.BatchNorm1d(8), nn.ReLU, lambda: nn.MaxPool1d(2)),
        *(lambda: nn.Conv1d(8, 8, 3, padding=2, dilation=2), nn.ReLU, lambda: nn.AdaptiveAvgPool1d(1), nn.Flatten),
    ),
    "conv3d": stack(
        *(lambda: nn.Conv3d(3, 8, 3, padding=1), lambda: nn.BatchNorm3d(8), nn.ReLU, lambda: nn.MaxPool3d(2)),
        *(lambda: nn.Conv3d(8, 8, 3, stride=2), nn.ReLU, lambda: nn.AdaptiveAvgPool3d(1), nn.Flatten),
    ),
}

# What has BatchNorm is of these.
SHAPES = {"conv1d": (1, 4, 64), "conv3d": (1, 3, 8, 32, 32)}


def __getattr__(name):
    if name not in MODELS:
        raise AttributeError(name)
    return seeded(SHAPES.get(name, ()))(MODELS[name])
