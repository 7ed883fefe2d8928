"""What a finished model computes, and what is in it."""

import functools
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from pinlite import parity, toolchain
from pinlite.auditing import described, file_contents
from pinlite.engine import Engine, choose
from pinlite.errors import ModelError, StageCrashError, UsageError
from pinlite.events import Observer, ignore
from pinlite.inputs import external_data, onnx_file, paths
from pinlite.machine import temporary
from pinlite.runner import LocalRunner, provision
from pinlite.schema.choices import EngineChoice
from pinlite.schema.inspection import Described, FileContents, InspectReport
from pinlite.schema.recipe import Limits
from pinlite.schema.report import Report
from pinlite.stages import adapt, check, convert, infer, metadata
from pinlite.stages.stage import Action, Stage, hashed
from pinlite.store import results
from pinlite.store.output import REPORT

# The stage whose image and program can read a model, by its file's suffix; a SavedModel is a folder. The toolchain's
# first runtime reads a .tflite file, and the one that adapts reads an .onnx file that has to be adapted.
_TFLITE, _ONNX = ".tflite", ".onnx"
_HOMES = {_ONNX: check.STAGE, "folder": convert.STAGE}

_SAVED_MODEL = "saved_model.pb"
_FORMS = "give an .onnx file, a .tflite file or a SavedModel folder, e.g. from an output folder"

# In bytes: people don't read longer texts.
_LONGEST = 256 * 1024**2


class _Anything(BaseModel):
    """A result of any form, which is not used: the outputs have everything."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def run(
    model: Path,
    samples: Path,
    out: Path | None = None,
    signature: str = "",
    *,
    engine: EngineChoice = "auto",
    trust: bool = False,
    observe: Observer = ignore,
) -> dict[str, NDArray[np.generic]]:
    """The outputs of an ONNX file, a SavedModel or a TFLite file on samples (.npz), by name; ``out`` keeps them.
    ``signature`` is the one of a TFLite file that is run; "" is what its first graph computes. With ``trust`` a
    SavedModel may run in an engine that does not isolate.

    Raises:
        PinliteError: The model can't be run or needs trust, the samples don't fit, or ``out`` can't be written.
    """
    stage = _stage("run", model)
    paths.npz_file(samples)
    parameters: dict[str, Any] = {}
    if model.suffix == _TFLITE:
        stage = replace(stage, operation="infer")
        parameters = dict(infer.action(stage, model, samples, None).parameters)
        if signature:
            parameters["signature"] = {"key": signature}
    elif signature:
        raise UsageError(f"--signature: {model} is no TFLite file", hint="leave it out")

    def chosen() -> Engine:
        found = choose(engine, observe)
        if model.is_dir():
            provision.check_graph(str(model), found, trust=trust)
        return found

    with temporary.folder() as folder:
        given = hashed(model=_shown(model, Path(folder)), samples=samples)
        action = Action(stage, _Anything, parameters, {"outputs": "outputs.npz"}, given)
        made = Path(folder, "outputs.npz")
        _ask(action, made, chosen, observe)
        if out:
            _keep(made, out)
        return parity.read(made)


def inspect(model: Path, *, engine: EngineChoice = "auto", observe: Observer = ignore) -> str | InspectReport:
    """What is in the model: an ONNX graph or a SavedModel's signatures as a text, a TFLite file as data."""
    stage = _stage("inspect", model)
    chosen = functools.partial(choose, engine, observe)
    with temporary.folder() as folder:
        given = hashed(model=_shown(model, Path(folder)))
        if model.suffix != _TFLITE:
            action = Action(stage, _Anything, {}, {"text": "model.txt"}, given)
            return _asked(action, Path(folder, "model.txt"), chosen, observe).decode(errors="replace")
        action = Action(stage, _Anything, {}, {"contents": "contents.json"}, given)
        try:
            found = FileContents.model_validate_json(_asked(action, Path(folder, "contents.json"), chosen, observe))
        except ValidationError as error:
            raise StageCrashError(f"the contents of {model} are not of the form that was agreed on: {error}") from error
        told = _described(model, Path(folder, "metadata.json"), chosen, observe) if described.has_some(found) else None
        return file_contents.report(model, found, told)


def _described(model: Path, made: Path, engine: Callable[[], Engine], observe: Observer) -> Described:
    """What the file's metadata says. Whoever made it, metadata that can't be read keeps nobody from the rest."""
    try:
        return described.of(metadata.Read.model_validate_json(_asked(metadata.read(model), made, engine, observe)))
    except ValidationError:
        return Described(unread="it has another form than the format's")
    except (UsageError, ModelError, StageCrashError) as error:
        return Described(unread=error.message)


def _asked(action: Action[Any], made: Path, engine: Callable[[], Engine], observe: Observer) -> bytes:
    """The content of the action's only output, which goes to ``made``.

    Raises:
        StageCrashError: It is longer than anything that people or programs read of a model.
    """
    _ask(action, made, engine, observe)
    if made.stat().st_size > _LONGEST:
        raise StageCrashError("what is said of the model has more than 256 MiB", hint="inspect a smaller model")
    return made.read_bytes()


def report(given: Path) -> Report | None:
    """The report of a conversion, by its output folder or its report.json; None for anything else.

    Raises:
        UsageError: It can't be read, or is of another version.
    """
    if given.name == REPORT and given.is_file():
        return results.report(given)
    is_result = (given / REPORT).exists() and not (given / _SAVED_MODEL).exists()
    return results.report(given) if is_result else None


def _stage(operation: str, model: Path) -> Stage:
    kind = "folder" if model.is_dir() else model.suffix
    if kind not in (*_HOMES, _TFLITE):
        raise UsageError(
            f"{model} is neither an .onnx nor a .tflite file nor a SavedModel folder",
            hint=_FORMS,
        )
    if kind == "folder":
        if not (model / _SAVED_MODEL).is_file():
            result = (model / REPORT).exists()
            raise UsageError(
                f"{model} is a folder, but not a SavedModel: it has no {_SAVED_MODEL}",
                hint=f"give one of the models in it, e.g. {model / 'model.onnx'}" if result else _FORMS,
            )
        paths.closed_folder(model)
    else:
        paths.model_file(model)
    home = _HOMES.get(kind) or infer.stage(toolchain.load().runtimes[0])
    if kind == _ONNX and not adapt.is_plain(onnx_file.read(model)):
        home = adapt.STAGE
    return Stage(operation, home.image, home.program, operation)


def _shown(model: Path, folder: Path) -> Path:
    """The model with the files beside it that have its weights, where it has any."""
    return provision.onnx(model, external_data.beside(model), folder) if model.suffix == _ONNX else model


def _ask(action: Action[Any], made: Path, engine: Callable[[], Engine], observe: Observer) -> None:
    """Run the action, whose only output goes to ``made``."""
    recipes = toolchain.load().images
    with LocalRunner(engine, recipes, Limits(), observe) as runner:
        (output,) = runner.run(action).outputs.values()
        shutil.copyfile(output.path, made)


def _keep(made: Path, out: Path) -> None:
    """Copy the outputs to their place, completely or not at all."""
    try:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}-") as folder:
            shutil.copyfile(made, Path(folder, out.name)).replace(out)
    except OSError as error:
        raise UsageError(f"--out {out} can't be written: {error.strerror}", hint="give another file") from error
