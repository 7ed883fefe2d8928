"""The samples that integer variants are calibrated on: found, checked, and brought to one form.

That form is one array per input of the model, under its name: [samples, *shape of the input].
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pinlite import options, parity
from pinlite.errors import UsageError
from pinlite.inputs import npz
from pinlite.parity import Array
from pinlite.schema.recipe import Calibration, InputSpec
from pinlite.stages.stage import Named

# Each costs a run of the model, in slow kernels; more of them would say no more.
RANDOM_SAMPLES = 32
MOST_IMAGES = 500
_INTEGERS_BELOW = 10
PIXELS_BELOW = 256


def read(calibration: Calibration) -> dict[str, Array]:
    """The arrays of an .npz file, or of a folder of .npy files, by name.

    Raises:
        UsageError: They can't be read, or there are none, or they hold values that are no finite numbers.
    """
    assert calibration.path is not None, "arrays have a path"
    arrays = _folder(calibration.path) if calibration.path.is_dir() else _file(calibration.path)
    return _sound(arrays, calibration)


def images(folder: Path) -> list[Path]:
    """The image files of a folder by name; of more than `MOST_IMAGES`, as many at even distances."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in options.IMAGES)
    places = np.linspace(0, len(found) - 1, min(len(found), MOST_IMAGES)).round().astype(int)
    return [found[place] for place in places]


def random(inputs: Sequence[Named], seed: int, bounds: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Floats in [0, 1), integers below 10: what samples are that nobody gives, of another seed. Integers stay below
    their input's bound instead, where it has one.
    """
    stream = np.random.RandomState((seed + 1) % 2**32)
    made: dict[str, Array] = {}
    for spec in inputs:
        shape, dtype = (RANDOM_SAMPLES, *_sizes(spec)), np.dtype(spec.dtype)
        if math.prod(shape) * dtype.itemsize > npz.MOST:
            raise UsageError(
                f"--calibration random: {RANDOM_SAMPLES} samples of {_by(shape[1:])} take more than 4 GiB",
                hint="give fewer samples, of your own",
            )
        if dtype.kind == "f":
            made[spec.name] = stream.uniform(size=shape).astype(dtype)
        else:
            below = (bounds or {}).get(spec.name, _INTEGERS_BELOW)
            made[spec.name] = stream.randint(0, 2 if dtype.kind == "b" else below, size=shape).astype(dtype)
    return made


def fitted(arrays: dict[str, Array], inputs: Sequence[Named | InputSpec], calibration: Calibration) -> dict[str, Array]:
    """The arrays in the order of the inputs, and in the form that this module is about.

    An array has the samples along its first axis: each a whole input (one dimension more than that), or joined along
    the input's own first axis, as batches are.

    Raises:
        UsageError: Names, shapes, dtypes or the numbers of samples don't fit, or an input never changes.
    """
    where = f"--calibration {calibration.text}"
    names = [spec.name for spec in inputs]
    if sorted(names) != sorted(arrays):
        raise UsageError(
            f"{where} has arrays named {', '.join(arrays)}, the model's inputs are {', '.join(names)}",
            hint="give one array per input, under the input's name",
        )
    found = {spec.name: _samples(arrays[spec.name], spec, where) for spec in inputs}
    counts = {name: len(array) for name, array in found.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise UsageError(f"{where} has {told}", hint="give as many samples of one input as of the others")
    for name, array in found.items():
        # One number may well be a setting of the model that never changes.
        if array.dtype.kind == "f" and array[0].size > 1 and (array == array.flat[0]).all():
            raise UsageError(
                f"{where}: input {name!r} is {array.flat[0]} everywhere, which does not show its range",
                hint="give samples like those of the model's later use",
            )
    return found


def made(path: Path, calibration: Calibration) -> dict[str, Array]:
    """What the calibrate stage wrote; errors as those of `read`."""
    return _sound(parity.read(path), calibration)


def _file(path: Path) -> dict[str, Array]:
    try:
        return npz.read(path)
    except npz.NoArraysError as error:
        raise UsageError(
            f"--calibration {path} is not an .npz of plain arrays: {error}",
            hint="write it with numpy.savez, one named array of numbers per input",
        ) from error


def _folder(folder: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    for path in sorted(folder.glob("*.npy")):
        try:
            arrays[path.stem] = npz.read_one(path)
        except npz.NoArraysError as error:
            raise UsageError(
                f"--calibration {path} is not an .npy of a plain array: {error}", hint="write it with numpy.save"
            ) from error
    return arrays


def _sound(arrays: dict[str, Array], calibration: Calibration) -> dict[str, Array]:
    if not arrays:
        raise UsageError(f"--calibration {calibration.text} holds no array", hint="give one array per input")
    for name, array in arrays.items():
        what = f"--calibration {calibration.text}: array {name!r}"
        if array.dtype.kind not in "biuf":
            raise UsageError(
                f"{what} has {array.dtype}, which are not numbers", hint="give an array of the input's dtype"
            )
        if not array.size:
            raise UsageError(f"{what} is empty ({_by(array.shape)})", hint="give at least one sample")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UsageError(
                f"{what} holds {'NaN' if np.isnan(array).any() else 'infinities'}",
                hint="give finite numbers only: a range is taken from all of them",
            )
    return arrays


def _samples(array: Array, spec: Named | InputSpec, where: str) -> Array:
    shape = _sizes(spec)
    if array.ndim == len(shape) and array.shape[1:] == shape[1:] and shape and shape[0] and len(array) % shape[0] == 0:
        array = array.reshape(-1, *shape)
    if array.shape[1:] != shape or array.dtype != np.dtype(spec.dtype):
        batches = f", or {_by(('N', *shape[1:]))} with N a multiple of {shape[0]}," if shape else ""
        raise UsageError(
            f"{where}: array {spec.name!r} is {_by(array.shape)} of {array.dtype}, "
            f"the input {_by(shape)} of {spec.dtype}",
            hint=f"give an array of {_by(('N', *shape))}{batches} of {spec.dtype}, N being the number of samples",
        )
    return array


def _sizes(spec: Named | InputSpec) -> tuple[int, ...]:
    return tuple(1 if size is None else size for size in spec.shape)


def _by(shape: tuple[int | str, ...]) -> str:
    return "x".join(map(str, shape)) or "scalar"
