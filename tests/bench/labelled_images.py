"""Images with what examples/mobilenet_v2.py, a copy of which is beside this one, says of them."""

import torch
from mobilenet_v2 import mobilenet_v2
from torch.nn import functional

CALIBRATED, SCORED = 16, 200


def images(count, seed):
    """Of [3, 224, 224], smooth as photographs are."""
    stream = torch.Generator().manual_seed(seed)
    for _ in range(count):
        coarse = torch.rand(1, 3, 14, 14, generator=stream)
        yield functional.interpolate(coarse, size=(224, 224), mode="bilinear", align_corners=False)[0]


def calibration():
    yield from images(CALIBRATED, 1)


def labelled():
    network = mobilenet_v2().eval()
    with torch.no_grad():
        for image in images(SCORED, 2):
            yield image, int(network(image[None]).argmax())
