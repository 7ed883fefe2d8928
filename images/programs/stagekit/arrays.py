"""Named arrays between stages: ordered .npz files, and seeded samples. Needs numpy, which every image has."""

import math
import zipfile

import numpy as np

from stagekit.errors import StageError

# Integer samples stay below this, so that they are valid ids for all but the smallest of embeddings.
INTEGER_SAMPLES_BELOW = 10
# Those of an attention_mask and its like are 0 and 1: models compute (1 - mask) * -10000, and count where mask is 1.
MASK_SAMPLES_BELOW = 2

# In bytes, for one array: no more is read of any result.
MOST = 4 * 1024**3


def read(path):
    """The arrays of an .npz file by name, in the file's order; a StageError of kind "usage" for any other file."""
    try:
        with np.load(str(path), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (AttributeError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise StageError(
            "usage",
            "{} is no .npz of plain arrays: {}".format(path.name, error),
            "write it with numpy.savez, one named array per input, none of dtype object",
        ) from error


def write(path, arrays):
    """Write arrays by name, in order. The same arrays give the same bytes.

    numpy.savez takes names as keywords, so that no array could be named "file"; a fixed date keeps the bytes.
    """
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def describe(arrays):
    """Name, shape and dtype of each array, as the report has them."""
    return [{"name": name, "shape": list(array.shape), "dtype": str(array.dtype)} for name, array in arrays.items()]


def seeded(specs, seed, bounds=None):
    """Samples for inputs given as [{name, shape, dtype}]: floats uniform in [0, 1), integers in [0, 10), booleans.

    ``bounds`` are what the integers of an input stay below, by its name, where that is not 10.
    numpy.random.RandomState is the generator whose stream numpy promises never to change. A StageError names an input
    that is too large, or of a dtype of which no samples can be made.
    """
    stream = np.random.RandomState(seed)
    samples = {}
    for spec in specs:
        dtype, shape = np.dtype(spec["dtype"]), tuple(spec["shape"])
        if math.prod(shape) * dtype.itemsize > MOST:
            sizes = "x".join(str(size) for size in shape)
            message = "input {!r} is {}: a sample of it would have more than 4 GiB".format(spec["name"], sizes)
            raise StageError("usage", message, "convert a model of smaller inputs")
        if dtype.kind == "f":
            samples[spec["name"]] = stream.uniform(size=shape).astype(dtype)
        elif dtype.kind in "iu":
            samples[spec["name"]] = stream.randint(0, below(spec["name"], bounds), size=shape).astype(dtype)
        elif dtype.kind == "b":
            samples[spec["name"]] = np.asarray(stream.uniform(size=shape) < 0.5)
        else:
            message = "input {!r}: no samples can be made for dtype {}".format(spec["name"], dtype)
            raise StageError("usage", message, "give a sample of it with --samples FILE.npz")
    return samples


def below(name, bounds):
    """What the integer samples of an input stay below."""
    return (bounds or {}).get(name, MASK_SAMPLES_BELOW if "mask" in name.lower() else INTEGER_SAMPLES_BELOW)


def matching(samples, specs):
    """The samples in the order of the inputs; a StageError says which name, shape or dtype does not fit.

    A None in a spec's shape stands for any size, and None in place of the shape for any shape.
    """
    names = [spec["name"] for spec in specs]
    if sorted(names) != sorted(samples):
        raise StageError(
            "usage",
            "the samples are named {}, the inputs {}".format(", ".join(samples) or "nothing", ", ".join(names)),
            "give the .npz one array per input, under the input's name",
        )
    for spec in specs:
        array = samples[spec["name"]]
        wanted = array.shape if spec["shape"] is None else spec["shape"]
        fits = len(wanted) == array.ndim and all(w is None or w == g for w, g in zip(wanted, array.shape))
        if not fits or array.dtype != np.dtype(spec["dtype"]):
            raise StageError(
                "usage",
                "input {!r} is {} of {}, its sample {} of {}".format(
                    spec["name"], list(wanted), spec["dtype"], list(array.shape), array.dtype
                ),
                "give a sample of that shape and dtype",
            )
    return {name: samples[name] for name in names}
