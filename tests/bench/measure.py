"""Converting a model with pinlite and with onnx2tf, and racing what they wrote, each in processes of their own."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import conversion
import numpy as np
from bench import pairs
from bench.pairs import Made, Match, Pair, Result, Run, Targets
from zoo.manifest import Model

RACE = Path(__file__).with_name("race.py")
HEATS = 16
SECONDS = 0.5
TIMEOUT = 1800
# Enough for the ranges of uniform noise, which each of them fills.
CALIBRATION_SAMPLES, CALIBRATION_SEED = 16, 1
Command = Sequence[str | Path]


@dataclass(frozen=True)
class Kind:
    """A variant as both converters write it: the options that ask for it, and the files' names in the output folder.

    Of their options those are taken that lead to a file first. ``runtimes`` is how many of the runtimes, in order, the
    targets are about.
    """

    name: str
    ours: str
    our_options: tuple[str, ...]
    theirs: str
    their_options: tuple[tuple[str, ...], ...]
    calibrated: bool
    runtimes: int
    targets: Targets


# onnx2tf's files have their channels last: so have ours, or a transpose at the edges would be timed with the model.
NHWC = ("--input-layout", "nhwc", "--output-layout", "nhwc")
FLOAT32 = Kind(
    name="float32",
    ours="model.float32.tflite",
    our_options=NHWC,
    theirs="model_float32.tflite",
    their_options=((),),
    calibrated=False,
    runtimes=3,
    targets=pairs.FLOAT32,
)
# Floats in and out, integers within. onnx2tf 2.6.9 can give each channel a scale of its own, as ours has, only where no
# convolution is depthwise: the runtime refuses its bias there.
INT8 = Kind(
    name="int8",
    ours="model.int8.tflite",
    our_options=(*NHWC, "--variant", "int8"),
    theirs="model_integer_quant.tflite",
    their_options=(("-oiqt",), ("-oiqt", "-qt", "per-tensor")),
    calibrated=True,
    runtimes=1,
    targets=pairs.INT8,
)


@dataclass(frozen=True)
class Runtime:
    """An interpreter: the Python that has it, its module there, and how many threads it is given."""

    name: str
    python: Path
    module: str
    threads: int


@dataclass(frozen=True)
class Bench:
    """What every pair is measured with. ``out`` gets both files of each model, which are converted in turns, so many
    ``rounds``.
    """

    kind: Kind
    runtimes: tuple[Runtime, ...]
    onnx2tf: Path
    engine: str
    out: Path
    rounds: int = 3

    def pair(self, model: Model) -> Pair:
        """A model by both converters, in every runtime."""
        with tempfile.TemporaryDirectory(prefix="peers-") as name:
            folder = Path(name)
            if error := self._export(model, folder):
                return Pair(model.name, error=error)
            kept = self.out / model.name
            kept.mkdir(parents=True, exist_ok=True)
            calibration = calibration_options(folder) if self.kind.calibrated else ((), ())
            rounds = []
            for _ in range(self.rounds):
                ours = self._ours(folder, calibration[0], kept / f"pinlite.{self.kind.name}.tflite")
                theirs = self.theirs(folder, calibration[1], kept / f"onnx2tf.{self.kind.name}.tflite")
                rounds.append((ours, theirs))
            ours, theirs = (_of_rounds(each) for each in zip(*rounds, strict=True))
            matches = {runtime.name: self._match(runtime, folder, kept, ours, theirs) for runtime in self.runtimes}
            made = all(not each.error for each in (ours, theirs))
            conversion = pairs.of([own.seconds / other.seconds for own, other in rounds]) if made else None
            size = (folder / "export" / "model.onnx").stat().st_size
            return Pair(model.name, ours, theirs, matches, conversion, size)

    def result(self, made: Sequence[Pair]) -> Result:
        """The pairs as what they are to show."""
        names = tuple(runtime.name for runtime in self.runtimes)
        return Result(self.kind.name, self.kind.targets, names, tuple(made))

    def _export(self, model: Model, folder: Path) -> str:
        """Export a model and run it in onnxruntime, which pinlite finds equal to torch. Returns what failed, if so."""
        options = [word for text in model.inputs for word in ("--input", text)]
        options += [word for text in model.requirements for word in ("--with", text)]
        made = _timed(self._pinlite("convert", model.source, *options, "--out", folder / "export"))
        if made.error:
            return f"not exported: {made.error}"
        onnx, samples = folder / "export" / "model.onnx", folder / "export" / "samples.npz"
        return _timed(self._pinlite("run", onnx, "--samples", samples, "--out", folder / "reference.npz")).error

    def _ours(self, folder: Path, calibration: Command, kept: Path) -> Made:
        export = folder / "export"
        command = self._pinlite("convert", export / "model.onnx", "--samples", export / "samples.npz")
        made = _timed([*command, *self.kind.our_options, *calibration, "--out", folder / "ours"])
        return _kept(made, folder / "ours" / self.kind.ours, kept)

    def theirs(self, folder: Path, calibration: Command, kept: Path) -> Made:
        """What onnx2tf makes of the export in a folder by the first of its options that lead to a file, moved away.

        It rewrites the file that it is given, so it gets a copy, of the same name, by which it names its own; and it
        calls onnxsim, which lies beside it.
        """
        with_copy = folder / "given"
        with_copy.mkdir(exist_ok=True)
        given = shutil.copyfile(folder / "export" / "model.onnx", with_copy / "model.onnx")
        command = [self.onnx2tf, "-i", given, "-o", folder / "theirs"]
        environment = os.environ | {"PATH": f"{self.onnx2tf.parent}{os.pathsep}{os.environ['PATH']}"}
        first = ""
        for options in self.kind.their_options:
            made = _timed([*command, *options, *calibration], environment)
            file = folder / "theirs" / self.kind.theirs
            # A kind of file that was not asked for may have failed after it.
            if file.exists():
                remark = f"made with {' '.join(options)}, because without: {first}" if first else ""
                return _kept(Made(made.seconds, remark=remark), file, kept)
            first = first or made.error or f"it wrote no {file.name}"
        kept.unlink(missing_ok=True)
        return Made(made.seconds, error=first)

    def _pinlite(self, command: str, *arguments: str | Path) -> list[str | Path]:
        anew = ("--no-cache",) if command == "convert" else ()
        return [sys.executable, "-m", "pinlite", command, *arguments, "--engine", self.engine, *anew]

    def _match(self, runtime: Runtime, folder: Path, kept: Path, ours: Made, theirs: Made) -> Match:
        files = [kept / f"{converter}.{self.kind.name}.tflite" for converter in ("pinlite", "onnx2tf")]
        # Each alone first: one that ends the process must not take the other with it.
        runs = [
            Run(error=made.error) if made.error else _run(runtime, folder, file, self.kind.targets.tolerance)
            for made, file in zip((ours, theirs), files, strict=True)
        ]
        if not all(run.right for run in runs):
            return Match(*runs)
        heats = _raced(runtime, folder, files, heats=HEATS)["heats"]
        fastest = (round(min(min(heat[at]) for heat in heats), 3) for at in range(len(files)))
        timed = [replace(run, milliseconds=milliseconds) for run, milliseconds in zip(runs, fastest, strict=True)]
        return Match(*timed, pairs.latency(heats))


class _FailedError(Exception):
    """A process failed; the message is the end of what it printed."""


def calibration_options(folder: Path) -> tuple[Command, Command]:
    """Write samples like those that the outputs are compared on, of another seed; the options that give them to each.

    An array has the samples along its first axis; onnx2tf wants channels last, and reads a mean and a deviation.
    """
    stream, ours, theirs = np.random.RandomState(CALIBRATION_SEED), {}, []
    for name, sample in np.load(folder / "export" / "samples.npz").items():
        ours[name] = stream.uniform(size=(CALIBRATION_SAMPLES, *sample.shape[1:])).astype(sample.dtype)
        file = folder / f"{name}.npy"
        np.save(file, np.moveaxis(ours[name], 1, -1))
        theirs += ["-cind", name, file, "0.0", "1.0"]
    np.savez(folder / "calibration.npz", **ours)
    return ["--calibration", folder / "calibration.npz"], theirs


def _run(runtime: Runtime, folder: Path, file: Path, tolerance: float) -> Run:
    try:
        ((difference, cosine),) = _raced(runtime, folder, [file], heats=0)["agreements"]
    except _FailedError as error:
        return Run(error=str(error))
    return Run(difference, cosine, right=difference is not None and difference <= tolerance)


def _raced(runtime: Runtime, folder: Path, files: list[Path], *, heats: int) -> dict[str, Any]:
    """What race.py found in a process of its own."""
    found = folder / "race.json"
    command = [runtime.python, RACE, *files, "--runtime", runtime.module, "--threads", str(runtime.threads)]
    command += ["--samples", folder / "export" / "samples.npz", "--reference", folder / "reference.npz"]
    _process([*command, "--heats", str(heats), "--seconds", str(SECONDS), "--out", found])
    return json.loads(found.read_text())


def _of_rounds(rounds: Sequence[Made]) -> Made:
    """The last one, or one that failed, with the median of the seconds."""
    failed = (made for made in rounds if made.error)
    seconds = statistics.median(made.seconds for made in rounds)
    return replace(next(failed, rounds[-1]), seconds=round(seconds, 2))


def _timed(command: list[str | Path], environment: Mapping[str, str] | None = None) -> Made:
    started = time.perf_counter()
    try:
        _process(command, environment)
        error = ""
    except _FailedError as failed:
        error = str(failed)
    return Made(round(time.perf_counter() - started, 2), error=error)


def _kept(made: Made, file: Path, kept: Path) -> Made:
    """What was made, with its size, once the file is where it stays."""
    kept.unlink(missing_ok=True)
    if made.error:
        return made
    if not file.exists():
        return Made(made.seconds, error=f"it wrote no {file.name}")
    shutil.move(file, kept)
    return replace(made, size=kept.stat().st_size)


def _process(command: list[str | Path], environment: Mapping[str, str] | None = None) -> None:
    """Run a command to its end; a `_FailedError` when that is no good one."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise _FailedError(f"not done after {TIMEOUT} s") from error
    if done.returncode:
        raise _FailedError(conversion.cause(done.stderr or done.stdout) or f"it ended with status {done.returncode}")
