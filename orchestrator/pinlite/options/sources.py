"""Sources of models, and the user's functions, from their text on the command line."""

import re
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from pinlite.errors import UsageError
from pinlite.inputs import model_code, modules
from pinlite.inputs.external_data import beside
from pinlite.inputs.paths import checkpoint_file, closed_folder, existing, existing_file, model_file
from pinlite.schema.recipe import Source

MODULE = re.compile(r"(?P<module>\w+(\.\w+)*):(?P<callable>\w+(\.\w+)*)")

METRIC = re.compile(r"mse|top-[1-9]\d{0,5}")

_CALLABLE = re.compile(r"\w+(\.\w+)*")
_FORMS = "give path/to/file.py:callable, package.module:callable, a .pt, .pt2 or .onnx file, or a SavedModel folder"
_CHECKPOINTS = (".pt", ".pth", ".pt2", ".jit", ".torchscript")

_WEIGHTS = "it has weights without a model: convert the code that builds it, path/to/file.py:callable --weights {}"
_KERAS = "TensorFlow's own TFLiteConverter takes a Keras model; pinlite takes SavedModel folders of TensorFlow"
# What has no model that pinlite converts, by its ending, and what to do.
_OTHERS = {
    (".safetensors", ".ckpt", ".bin", ".pth.tar"): _WEIGHTS,
    (".h5", ".hdf5", ".keras"): _KERAS,
    (".ipynb",): "put the model's code into a file: jupyter nbconvert --to script {}; then give that file.py:callable",
    (".tflite",): "it is a TFLite file already: pinlite inspect, audit, run and diff take it",
    (".pb",): "give the folder of a SavedModel, in which saved_model.pb lies; a frozen graph alone is not converted",
}
_MOST_NAMES = 12


def parse_source(text: str) -> Source:
    """A SOURCE as the command line has it; a UsageError says which forms there are."""
    path = Path(text)
    if "://" in text:
        raise UsageError(f"{text} is an address", hint="download what is there, and give the file: nothing is fetched")
    if text and path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise UsageError(f"{text} is a folder, but not a SavedModel: it has no saved_model.pb", hint=_FORMS)
        return Source(kind="saved_model", text=text, path=closed_folder(path))
    if path.suffix == ".onnx":
        return Source(kind="onnx", text=text, path=model_file(path), beside=beside(path))
    if path.suffix in _CHECKPOINTS:
        return Source(kind="checkpoint", text=text, path=checkpoint_file(path))
    file = path if path.exists() else Path(text.rpartition(":")[0] or text)
    instead = next((hint for endings, hint in _OTHERS.items() if file.name.endswith(endings)), "").format(file)
    if not (instead and file.is_file()) and (python := python_callable(text)):
        return Source(kind="python", text=text, **python)
    if file.suffix == ".py" and (names := model_code.models(file)):
        instead = f"say what in it gives the model: {', '.join(f'{file}:{name}' for name in names[:_MOST_NAMES])}"
    raise UsageError(
        f"{text!r} is not a source that pinlite knows" + ("" if file.exists() else ", and no such file exists"),
        hint=instead or _FORMS,
    )


def function(option: str, given: str | PathLike[str] | None) -> Source | None:
    """A function that an option names, as a SOURCE of kind python."""
    if given is None:
        return None
    text = fspath(given)
    try:
        source = parse_source(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error.message}", hint=f"e.g. {option} path/to/file.py:callable") from None
    if source.kind != "python":
        raise UsageError(f"{option}: {text} does not name a function", hint=f"e.g. {option} path/to/file.py:callable")
    return source


def python_callable(text: str) -> dict[str, Any]:
    """Path, module and callable of file.py:callable or package.module:callable; nothing for what is neither."""
    file, colon, name = text.rpartition(":")
    if colon and file.endswith(".py") and _CALLABLE.fullmatch(name):
        path = existing_file(Path(file))
        package, module = modules.package_of(path) or (path, path.stem)
        return {"path": package, "module": module, "callable": name}
    if matched := MODULE.fullmatch(text):
        return {"path": _local_package(matched["module"]), **matched.groupdict()}
    return {}


def weights_of(text: str | PathLike[str] | None) -> tuple[Path | None, str]:
    """The file that --weights names, and where in it the state_dict is: FILE, or FILE#KEY."""
    file, sign, key = fspath(text or "").rpartition("#")
    if not sign or Path(fspath(text or "")).exists():
        return existing("--weights", text, checkpoint_file), ""
    return existing("--weights", file, checkpoint_file), key


def default_name(source: Source) -> str:
    """What a source's results are called: by its file and callable, once where both have one name."""
    if source.kind == "python":
        return "-".join(dict.fromkeys((source.module, source.callable)))
    return source.path.stem if source.path else source.text


def _local_package(module: str) -> Path | None:
    """The top of a module's package below the current folder; None leaves it to the image."""
    top = Path(module.partition(".")[0])
    for candidate in (top, top.with_suffix(".py")):
        if candidate.exists():
            return candidate.absolute()
    return None
