"""The ways in which a model becomes a .tflite file: each converter as its users run it, in processes of its own."""

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from bench.commands import Command, FailedError, run
from bench.exports import Export
from bench.pairs import Made

HERE = Path(__file__).parent
TO_LITERT = HERE.parent / "zoo_new" / "to_litert.py"
# onnx2tf's files have their channels last: so have ours, or a transpose at the edges would be timed with the model.
NHWC = ("--input-layout", "nhwc", "--output-layout", "nhwc")


@dataclass(frozen=True)
class Kind:
    """A variant as both converters write it; onnx2tf's file of it, and its options, of which those are taken that lead
    to a file first. A file whose outputs differ more than ``tolerance``, of the largest magnitude of one, is not right.
    """

    name: str
    onnx2tf: str
    onnx2tf_options: tuple[tuple[str, ...], ...]
    calibrated: bool
    tolerance: float


FLOAT32 = Kind("float32", "model_float32.tflite", ((),), calibrated=False, tolerance=1e-4)
# Floats in and out, integers within. Rounding to 8 bits has no tolerance: any finite numbers are a file's, and the
# cosine tells how good they are. onnx2tf 2.6.9 can give each channel a scale of its own, as ours has, only where no
# convolution is depthwise: the runtime refuses its bias there.
INT8 = Kind(
    "int8",
    "model_integer_quant.tflite",
    (("-oiqt",), ("-oiqt", "-qt", "per-tensor")),
    calibrated=True,
    tolerance=math.inf,
)


class Converter(Protocol):
    """Makes a file of a model."""

    def convert(self, export: Export, kind: Kind, scratch: Path, kept: Path) -> Made:
        """Write the file ``kept`` in one run, with other files in ``scratch``. What fails is told, not raised."""
        ...


@dataclass(frozen=True)
class Pinlite:
    """Every comparison is part of it, and nothing is cached. ``source`` is onnx, the file, or code, the model's own;
    ``warm`` is how long its workers wait for another run.
    """

    engine: str
    target: str
    source: str = "onnx"
    warm: str = ""

    def convert(self, export: Export, kind: Kind, scratch: Path, kept: Path) -> Made:
        model, out = export.model, scratch / "pinlite"
        command = [sys.executable, "-m", "pinlite", "convert", *self._source(export), *NHWC, *model.options]
        command += ["--target", self.target, "--variant", kind.name, "--engine", self.engine, "--no-cache"]
        command += ["--calibration", export.calibration] if kind.calibrated else []
        command += ["--keep-warm", self.warm] if self.warm else []
        made = _made([*command, "--out", out], out / f"model.{kind.name}.tflite", kept)
        return made if made.error else replace(made, memory=_largest_stage(out / "report.json"))

    def _source(self, export: Export) -> Command:
        if self.source == "onnx":
            return [export.onnx, "--samples", export.samples]
        model = export.model
        words = [word for text in model.inputs for word in ("--input", text)]
        return [model.source, *words, *(word for text in model.requirements for word in ("--with", text))]


@dataclass(frozen=True)
class Onnx2tf:
    """onnx2tf rewrites the file that it is given, so it gets a copy, of the same name, by which it names its own; and
    it calls onnxsim, which lies beside it.
    """

    command: Path

    def convert(self, export: Export, kind: Kind, scratch: Path, kept: Path) -> Made:
        given, out = scratch / "given" / export.onnx.name, scratch / "theirs"
        given.parent.mkdir(exist_ok=True)
        shutil.copyfile(export.onnx, given)
        return self.of(given, export, kind, out, kept)

    def of(self, onnx: Path, export: Export, kind: Kind, out: Path, kept: Path) -> Made:
        """What it makes of a file by the first of its options that lead to one, though another kind of file failed."""
        environment = os.environ | {"PATH": f"{self.command.parent}{os.pathsep}{os.environ['PATH']}"}
        calibration: list[str | Path] = []
        if kind.calibrated:
            calibration = [word for name, file in export.channels_last for word in ("-cind", name, file, "0.0", "1.0")]
        first = ""
        for options in kind.onnx2tf_options:
            command = [self.command, "-i", onnx, "-o", out, *options, *calibration]
            made = _made(command, out / kind.onnx2tf, kept, environment, anyway=True)
            if not made.error:
                return replace(made, remark=f"made with {' '.join(options)}, because without: {first}" if first else "")
            first = first or made.error
        return replace(made, error=first)


@dataclass(frozen=True)
class ExportAndOnnx2tf:
    """torch.onnx.export in a process of PyTorch's, then onnx2tf."""

    python: Path
    onnx2tf: Onnx2tf

    def convert(self, export: Export, kind: Kind, scratch: Path, kept: Path) -> Made:
        onnx = scratch / "exported" / "model.onnx"
        onnx.parent.mkdir(exist_ok=True)
        try:
            exported = run([self.python, HERE / "export_once.py", export.model.source, export.samples, onnx])
        except FailedError as error:
            return Made((error.ran.seconds,), error=str(error))
        made = self.onnx2tf.of(onnx, export, kind, scratch / "theirs", kept)
        seconds = tuple(each + exported.seconds for each in made.seconds)
        return replace(made, seconds=seconds, memory=max(made.memory, exported.memory))


@dataclass(frozen=True)
class LitertTorch:
    """litert-torch takes the model's code, which its own PyTorch may give other weights: it has outputs of its own to
    be compared with.
    """

    python: Path

    def convert(self, export: Export, kind: Kind, scratch: Path, kept: Path) -> Made:  # noqa: ARG002  # of floats
        out = scratch / "litert-torch.tflite"
        command = [self.python, TO_LITERT, export.model.source, "--samples", export.samples]
        return _made([*command, "--channels-last", "--reference", reference(kept), "--out", out], out, kept)


def reference(kept: Path) -> Path:
    """What a file has to return, where its converter had other weights."""
    return kept.with_suffix(".npz")


def _largest_stage(report: Path) -> int:
    """The peak memory in bytes; what runs in containers is no child of the command."""
    return max(stage["peak_memory"] for stage in json.loads(report.read_text())["stages"])


def _made(
    command: Command, file: Path, kept: Path, environment: Mapping[str, str] | None = None, *, anyway: bool = False
) -> Made:
    """What a command wrote, once the file is where it stays; ``anyway``, if there is one though the command failed."""
    kept.unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    error = ""
    try:
        ran = run(command, environment)
    except FailedError as failed:
        ran, error = failed.ran, "" if anyway and file.exists() else str(failed)
    if not error and not file.exists():
        error = f"it wrote no {file.name}"
    made = Made((round(ran.seconds, 3),), memory=ran.memory, error=error)
    if error:
        return made
    shutil.move(file, kept)
    return replace(made, size=kept.stat().st_size)
