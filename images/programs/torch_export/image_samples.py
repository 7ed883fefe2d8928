"""Images as samples of a model's input."""

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from stagekit import StageError

DTYPES = ("float32", "uint8")
MODES = {1: "L", 3: "RGB"}
OTHERWISE = "calibrate with --calibration FILE.npz or file.py:callable, which can make any input"


def read(folder, inputs, mean, std):
    """The images of a folder, by name, as {input: [samples, *shape of the input]}, and what was done to them, in words.

    ``inputs`` is one of float32 or uint8, [batch, channels, height, width] or [batch, height, width, channels] of one
    or three channels. Those of uint8 are the pixels themselves. Images beyond the last whole batch are left out. Raises
    a StageError of kind ``usage``.
    """
    spec = _only(inputs)
    shape = spec["shape"]
    axis = next((axis for axis in (1, 3) if shape[axis] in MODES), None)
    if axis is None:
        raise StageError("usage", "input {!r} is {}, no image".format(spec["name"], shape), OTHERWISE)
    channels = shape[axis]
    size = (shape[3], shape[2]) if axis == 1 else (shape[2], shape[1])
    if spec["dtype"] == "uint8" and (mean or std):
        message = "input {!r} takes the pixels themselves, of uint8".format(spec["name"])
        raise StageError("usage", message, "leave out --mean and --std")
    largest = 255 if spec["dtype"] == "uint8" else 1
    mean, std = (_per_channel(*given, channels) for given in (("--mean", mean, 0.0), ("--std", std, 1.0)))
    images = [(_pixels(path, MODES[channels], size) * largest / 255 - mean) / std for path in sorted(folder.iterdir())]
    count = len(images) // shape[0]
    if not count:
        message = "{} images are less than one batch of {}".format(len(images), shape[0])
        raise StageError("usage", message, "give more images, or convert the model for a smaller batch")
    samples = np.stack(images[: count * shape[0]]).astype(spec["dtype"])
    if axis == 1:
        samples = samples.transpose(0, 3, 1, 2)
    preparation = (
        "{} images as {}, cut to the proportions of {}x{} around the centre and resized to it (bilinear), scaled to "
        "[0, {}], less {}, over {}"
    ).format(count * shape[0], MODES[channels], *size, largest, _listed(mean), _listed(std))
    return {spec["name"]: samples.reshape(count, *shape)}, preparation


def _only(inputs):
    if len(inputs) != 1 or len(inputs[0]["shape"]) != 4 or inputs[0]["dtype"] not in DTYPES:
        told = ", ".join("{}: {} of {}".format(spec["name"], spec["shape"], spec["dtype"]) for spec in inputs)
        raise StageError(
            "usage", "images are for a model of one image of float32 or uint8, not {}".format(told), OTHERWISE
        )
    return inputs[0]


def _per_channel(option, given, default, channels):
    if len(given) not in (0, 1, channels):
        message = "{} has {} numbers, the image {} channels".format(option, len(given), channels)
        raise StageError("usage", message, "give one number, or one for each channel")
    return np.array(given or [default])


def _pixels(path, mode, size):
    """[height, width, channels], from 0 to 255."""
    try:
        with Image.open(str(path)) as image:
            fitted = ImageOps.fit(image.convert(mode), size, Image.BILINEAR)
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        message = "the image {} can't be read: {}".format(path.name, " ".join(str(error).split()))
        raise StageError("usage", message, "remove it from the folder") from error
    return np.asarray(fitted, np.float64).reshape(size[1], size[0], -1)


def _listed(numbers):
    return ", ".join("{:g}".format(number) for number in numbers)
