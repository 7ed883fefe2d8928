"""A model as pinlite and its peers convert it, by each way, and how near PyTorch each file is."""

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import conversion
import table
from manifest import Model
from zoo_new import samples
from zoo_new.results import NOT_EXPORTED, Result

HERE = Path(__file__).parent
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Settings:
    """How conversions run. ``python`` is that of the environment that the models need, ``onnx2tf`` the command."""

    engine: str
    timeout: float
    twice: bool
    python: Path
    onnx2tf: Path


@dataclass(frozen=True)
class Made:
    """A model's samples in a folder, and what `export.py` has written beside them, if it was ``exported``; ``failed``
    tells by file what could not be written.
    """

    model: Model
    folder: Path
    exported: bool
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def samples(self) -> Path:
        return self.folder / "samples.npz"

    @property
    def reference(self) -> Path:
        return self.folder / "reference.npz"


def made(model: Model, folder: Path, settings: Settings, *, exported: bool) -> Made:
    """Samples of a model, and the model exported, if it has to be."""
    found = Made(model, folder, exported)
    samples.write(model.inputs, found.samples)
    if not exported:
        return found
    command = [settings.python, HERE / "export.py", model.source, "--samples", found.samples, "--out", folder]
    failed = stopped_by(command, os.environ, settings.timeout)
    if failed:
        return replace(found, failed=dict.fromkeys(("model.onnx", "model.pt2", "reference.npz"), failed))
    return replace(found, failed=json.loads((folder / "export.json").read_text()))


def ours(way: str, made: Made, settings: Settings) -> Result:
    """The model by one of pinlite's ways."""
    model, folder = made.model, made.folder / way
    source = _source(way, made)
    if failed := made.failed.get(Path(source).name):
        return Result(model.name, way, NOT_EXPORTED, right=False, seconds=0.0, reason=failed)
    options = ["--samples", str(made.samples), "--trust"]
    options += {"onnx": [], "current": ["--toolchain", "current"], "python": ["--python", str(settings.python)]}[way]
    recipe = Model(
        name=model.name,
        source=source,
        requirements=model.requirements if source == model.source and way == "current" else (),
        options=tuple(options),
    )
    outcome = conversion.convert(recipe, folder, engine=settings.engine, timeout=settings.timeout, twice=settings.twice)
    result = Result(
        model=model.name,
        way=way,
        state=outcome.state,
        right=(outcome.state == "refused") if model.refused else outcome.right,
        seconds=outcome.seconds,
        reason=table.reason(outcome),
        difference=max((hop for hop in outcome.hops.values() if hop is not None), default=None),
        size=outcome.size,
        operators=outcome.operators,
        changed=outcome.changed,
    )
    if outcome.state != "converted" or not made.exported:
        return result
    return _judged(result, folder / "once" / "model.float32.tflite", made, settings)


def _source(way: str, made: Made) -> str:
    """What pinlite is given: a file that PyTorch wrote, or the model's code."""
    if way == "onnx":
        return str(made.folder / "model.onnx")
    return str(made.folder / "model.pt2") if way == "current" and made.model.program else made.model.source


def onnx2tf(made: Made, settings: Settings) -> Result:
    """The exported model by onnx2tf, which looks for a simplifier on PATH, and changes the file that it is given."""
    folder = made.folder / "onnx2tf"
    folder.mkdir()
    if failed := made.failed.get("model.onnx"):
        return Result(made.model.name, "onnx2tf", NOT_EXPORTED, right=False, seconds=0.0, reason=failed)
    copy = shutil.copy(made.folder / "model.onnx", folder)
    environment = {**os.environ, "PATH": f"{settings.onnx2tf.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [settings.onnx2tf, "-i", copy, "-o", folder / "out"]
    return _theirs("onnx2tf", command, folder / "out" / "model_float32.tflite", environment, made, settings)


def litert_torch(made: Made, settings: Settings) -> Result:
    """The model's code by litert-torch."""
    file = made.folder / "litert.tflite"
    command = [settings.python, HERE / "to_litert.py", made.model.source, "--samples", made.samples, "--out", file]
    return _theirs("litert-torch", command, file, os.environ, made, settings)


def _theirs(
    way: str, command: list[str | Path], file: Path, environment: Mapping[str, str], made: Made, settings: Settings
) -> Result:
    started = time.monotonic()
    failed = stopped_by(command, environment, settings.timeout) or ("" if file.exists() else f"it wrote no {file.name}")
    seconds = round(time.monotonic() - started, 1)
    if failed:
        return Result(made.model.name, way, "failed", right=False, seconds=seconds, reason=failed)
    converted = Result(made.model.name, way, "converted", right=True, seconds=seconds, size=file.stat().st_size)
    return _judged(converted, file, made, settings)


def _judged(result: Result, file: Path, made: Made, settings: Settings) -> Result:
    """The result with what its file computes in LiteRT, beside PyTorch."""
    command = [settings.python, HERE / "judge.py", file, "--samples", made.samples, "--reference", made.reference]
    status, printed, log = conversion.run(list(map(str, command)), os.environ, settings.timeout)
    found = json.loads(printed) if status == 0 else None
    if found is None:
        reason = conversion.cause(log) or "an output is missing, or is no number"
        return replace(result, right=False, reason=f"LiteRT: {reason}")
    if found > TOLERANCE:
        result = replace(result, state="differs", right=False, reason="another result than PyTorch's")
    return replace(result, difference=max(found, result.difference or 0.0))


def stopped_by(command: list[str | Path], environment: Mapping[str, str], timeout: float) -> str:
    """Run a command; what stopped it, if something has."""
    status, printed, log = conversion.run(list(map(str, command)), environment, timeout)
    if status is None:
        return f"not done after {timeout:g} s"
    return (conversion.cause(log or printed) or f"it ended with status {status}") if status else ""
