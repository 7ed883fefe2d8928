"""Images sampled at points of a grid, and at the nearest pixels."""

import numpy as np
import torch

from .decomposition import KeptError, decomposition, sizes

BILINEAR, NEAREST = range(2)
ZEROS, BORDER, REFLECTION = range(3)


@decomposition("grid_sampler", "mode", "padding", "align_corners")
def grid_sampler(x, grid, mode, padding, align_corners):
    if x.dim() != 4 or mode not in (BILINEAR, NEAREST):
        raise ValueError("only bilinear and nearest samples of images can be taken")
    batch, channels, height, width = sizes(x)
    rows, columns = sizes(grid)[1:3]
    pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
    offsets = torch.tensor([image * height * width for image in range(batch)]).reshape(batch, 1, 1)
    across = _neighbours(_pixel(grid.narrow(3, 0, 1).squeeze(3), width, padding, align_corners), width, mode, padding)
    down = _neighbours(_pixel(grid.narrow(3, 1, 1).squeeze(3), height, padding, align_corners), height, mode, padding)
    sampled = 0
    for y, of_y in down:
        for x_, of_x in across:
            found = pixels.index_select(0, (offsets + y * width + x_).reshape(-1))
            weight = of_x * of_y
            sampled = sampled + found * weight.reshape(-1, 1)
    return sampled.reshape(-1, rows, columns, channels).permute(0, 3, 1, 2)


def _pixel(coordinate, size, padding, align_corners):
    """Where a coordinate of [-1, 1] lies among the pixels of an axis."""
    if align_corners:
        place, low, span = (coordinate + 1) * ((size - 1) / 2), 0.0, float(size - 1)
    else:
        place, low, span = (coordinate + 1) * (size / 2) - 0.5, -0.5, float(size)
    if padding == REFLECTION:
        if span == 0:
            return place * 0
        distance = (place - low).abs()
        distance = distance - torch.floor(distance * (0.5 / span)) * (2 * span)
        place = span - (distance - span).abs() + low
    return place if padding == ZEROS else place.clamp(0, size - 1)


def _neighbours(place, size, mode, padding):
    """[(index, weight)] of the pixels that a place is between."""
    if mode == NEAREST:
        pixels = [(place.round(), torch.ones_like(place))]
    else:
        floor = torch.floor(place)
        pixels = [(floor, floor + 1 - place), (floor + 1, place - floor)]
    return [
        (pixel.clamp(0, size - 1).to(torch.int64), _inside(pixel, size, weight, padding)) for pixel, weight in pixels
    ]


def _inside(pixel, size, weight, padding):
    return weight * ((pixel > -1) & (pixel < size)).to(weight.dtype) if padding == ZEROS else weight


@decomposition("affine_grid_generator", "size", "align_corners")
def affine_grid_generator(theta, size, align_corners):
    axes = [_places(count, align_corners) for count in size[2:]]
    points = torch.stack([*reversed(torch.meshgrid(axes)), torch.ones(size[2:])], -1)
    grid = torch.matmul(points.reshape(-1, len(axes) + 1), theta.transpose(1, 2))
    return grid.reshape(-1, *size[2:], len(axes))


def _places(count, align_corners):
    places = torch.linspace(-1, 1, count) if count > 1 else torch.zeros(1)
    return places if align_corners else places * ((count - 1) / count)


def upsample_nearest(x, output_size, scale_factors):
    """The pixels that PyTorch takes, where ONNX's Resize, which rounds a quotient, takes others."""
    before = sizes(x)[2:]
    scales = scale_factors or [None] * len(before)
    after = output_size or [int(size * scale) for size, scale in zip(before, scales)]
    axes = list(zip(before, after, scales))
    taken = [_multiplied(*axis) for axis in axes]
    if all(np.array_equal(places, _divided(*axis)) for places, axis in zip(taken, axes)):
        raise KeptError
    for axis, places in enumerate(taken, 2):
        x = x.index_select(axis, torch.tensor(places.tolist()))
    return x


for _name in ("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"):
    decomposition(_name, "output_size", "scale_factors")(upsample_nearest)


def _multiplied(before, after, scale):
    step = np.float32(1 / scale) if scale else np.float32(before) / np.float32(after)
    return _floored(np.arange(after, dtype=np.float32) * step, before)


def _divided(before, after, scale):
    ratio = np.float32(scale) if scale else np.float32(after) / np.float32(before)
    return _floored(np.arange(after, dtype=np.float32) / ratio, before)


def _floored(places, size):
    return np.minimum(np.floor(places).astype(np.int64), size - 1)
