"""Techniques on the weights before the export, and the evaluation of the result."""

from os import fspath
from pathlib import Path

from pydantic import ValidationError

from pinlite import digest
from pinlite.errors import UsageError
from pinlite.options.declared import Settings
from pinlite.options.sources import METRIC, function, python_callable
from pinlite.options.values import share
from pinlite.schema.recipe import Evaluation, Metric, Source, Training
from pinlite.schema.report import Report

_EXAMPLES = {
    "prune": "e.g. --prune 0.5: half of the weights become zero",
    "qat": "e.g. --qat file.py:callable: a function that trains the model for int8",
}
_REPORT = "report.json"
# Variants whose file has ranges of int8, the one that may keep layers in floats first.
_WITH_RANGES = ("int8", "int8-only")
# Options by which a file has tensors that are scaled, or called otherwise.
_OTHER_VALUES = ("equalize", "qat")
_CONVERT = "give the --out folder of a `pinlite convert` or `pinlite tune` of this model with --variant int8"


def training_of(options: Settings, source: Source) -> Training | None:
    """What is to be done to the model's weights, or None; a UsageError for options that mean nothing together."""
    techniques = [name for name in ("prune", "cluster", "qat") if options.get(name)]
    needs = (("prune_structured", ["prune"]), ("finetune", ["prune", "cluster"]), ("qat_ranges", ["qat"]))
    for name, needed in needs:
        if options.get(name) and not set(needed) & set(techniques):
            raise UsageError(
                f"--{name.replace('_', '-')} is given without {' or '.join(f'--{other}' for other in needed)}",
                hint=_EXAMPLES[needed[0]],
            )
    calibrating = "calibration" in options and python_callable(fspath(options["calibration"]))
    reading = any(options.get(name) for name in ("finetune", "qat", "evaluate"))
    if options.get("data") and not (reading or calibrating):
        raise UsageError("--data is given, but no function that reads it", hint="give --finetune file.py:callable, too")
    if not techniques:
        return None
    if source.kind not in ("python", "checkpoint"):
        raise UsageError(
            f"--{techniques[0]} changes the weights of a PyTorch model, which {source.text} is not",
            hint="convert the code that builds the model, path/to/file.py:callable",
        )
    return Training(
        prune=options.get("prune"),
        structured=options["prune_structured"],
        cluster=options.get("cluster"),
        finetune=function("--finetune", options.get("finetune")),
        qat=function("--qat", options.get("qat")),
        ranges=_ranges(Path(options["qat_ranges"])) if "qat_ranges" in options else None,
    )


def _ranges(folder: Path) -> Path:
    """The int8 file in the output folder of a conversion, whose tensors have the ranges of the model's own."""
    try:
        report = Report.model_validate_json((folder / _REPORT).read_bytes())
    except (OSError, ValidationError) as error:
        raise UsageError(f"--qat-ranges {folder} is not the output folder of a conversion", hint=_CONVERT) from error
    found = next((each for each in report.variants if each.name in _WITH_RANGES), None)
    if found is None or report.lowering != "nhwc":
        raise UsageError(f"--qat-ranges {folder} has no int8 file of the nhwc lowering", hint=_CONVERT)
    if others := [name for name in _OTHER_VALUES if report.lock.options.get(name)]:
        raise UsageError(
            f"--qat-ranges {folder}: by --{others[0]} its tensors are others than the model's own",
            hint=f"convert without --{others[0]} into another folder",
        )
    file = folder / Path(found.path).name
    if not file.is_file() or digest.of_file(file) != found.sha256:
        raise UsageError(f"--qat-ranges: {file} is not as its conversion left it", hint=_CONVERT)
    return file


def evaluation_of(options: Settings) -> Evaluation | None:
    samples = function("--evaluate", options.get("evaluate"))
    if samples is None:
        for name in ("metric", "loss"):
            if options.get(name):
                raise UsageError(f"--{name} is given without --evaluate", hint="e.g. --evaluate data.py:labelled")
        return None
    if not options["inputs"]:
        raise UsageError("--evaluate needs --input: the shapes of its samples", hint="e.g. --input image=1x3x224x224")
    metrics = tuple(_metric(text) for text in dict.fromkeys(options["metric"]))
    names = [metric.name for metric in metrics]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--metric: two metrics are called {twice!r}", hint="give one of the functions another name")
    loss = {"loss": share("--loss", options["loss"])} if "loss" in options else {}
    return Evaluation(function=samples, metrics=metrics, **loss)


def _metric(text: str) -> Metric:
    if METRIC.fullmatch(text):
        return Metric(name=text)
    if ":" in text:
        return Metric(name=text.rpartition(":")[2], function=function("--metric", text))
    raise UsageError(
        f"--metric {text!r} is not a metric that pinlite knows", hint="top-1, top-5, mse, or file.py:callable"
    )
