"""The ONNX file of a model that all converters get, samples for it, and what it returns for them."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench import commands
from zoo.manifest import Model
from zoo_new import samples

EXPORT = Path(samples.__file__).with_name("export.py")
# Enough for the ranges of uniform noise, which fills each of them soon; as many as users give.
CALIBRATION_SAMPLES, CALIBRATION_SEED = 100, 1


@dataclass(frozen=True)
class Export:
    """What `write` puts in a model's folder. Arrays are in the order of its inputs and outputs, as PyTorch has them."""

    model: Model
    folder: Path

    @property
    def onnx(self) -> Path:
        return self.folder / "model.onnx"

    @property
    def samples(self) -> Path:
        return self.folder / "samples.npz"

    @property
    def reference(self) -> Path:
        return self.folder / "reference.npz"

    @property
    def calibration(self) -> Path:
        """Samples like those that outputs are compared on, of another seed, along the first axis of an array."""
        return self.folder / "calibration.npz"

    @property
    def channels_last(self) -> list[tuple[str, Path]]:
        """The calibration as a file for each input, whose channels are last."""
        with np.load(self.calibration) as found:
            return [(name, self.folder / f"{name}.npy") for name in found.files]


def write(model: Model, folder: Path, engine: str, today: Path) -> Export:
    """Export a model, unless its folder is there: by the default toolchain, and run it in onnxruntime, which pinlite
    finds equal to torch; or by the Python ``today`` of an environment with PyTorch.

    Raises:
        FailedError: It was not exported.
    """
    export = Export(model, folder)
    if export.calibration.exists():
        return export
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if model.program:
        _by_today(export, today)
    else:
        _by_pinlite(export, engine)
    write_calibration(export)
    return export


def _by_today(export: Export, python: Path) -> None:
    samples.write(export.model.inputs, export.samples)
    ran = commands.run([python, EXPORT, export.model.source, "--samples", export.samples, "--out", export.folder])
    if not export.onnx.exists():
        raise commands.FailedError((export.folder / "export.json").read_text(), ran)


def _by_pinlite(export: Export, engine: str) -> None:
    model, pinlite, out = export.model, [sys.executable, "-m", "pinlite"], export.folder / "out"
    options = [word for text in model.inputs for word in ("--input", text)]
    options += [word for text in model.requirements for word in ("--with", text)]
    commands.run([*pinlite, "convert", model.source, *options, *model.options, "--engine", engine, "--out", out])
    for file in (export.onnx, export.samples):
        (out / file.name).rename(file)
    shutil.rmtree(out)
    commands.run(
        [*pinlite, "run", export.onnx, "--samples", export.samples, "--engine", engine, "--out", export.reference]
    )


def write_calibration(export: Export) -> None:
    """Draw the samples that integers are chosen on."""
    stream, arrays = np.random.RandomState(CALIBRATION_SEED), {}
    with np.load(export.samples) as found:
        for name, sample in found.items():
            arrays[name] = _drawn(stream, sample)
            np.save(export.folder / f"{name}.npy", np.moveaxis(arrays[name], 1, -1))
    np.savez(export.calibration, **arrays)


def _drawn(stream: np.random.RandomState, sample: np.ndarray) -> np.ndarray:
    """Floats in [0, 1), or integers that the sample has."""
    shape = (CALIBRATION_SAMPLES, *sample.shape[1:])
    if np.issubdtype(sample.dtype, np.floating):
        return stream.uniform(size=shape).astype(sample.dtype)
    return stream.choice(sample.ravel(), size=shape)
