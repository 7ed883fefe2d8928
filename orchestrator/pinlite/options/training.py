"""Techniques on the weights before the export, and the evaluation of the result."""

from os import fspath

from pinlite.errors import UsageError
from pinlite.options.declared import Settings
from pinlite.options.sources import METRIC, function, python_callable
from pinlite.options.values import share
from pinlite.schema.recipe import Evaluation, Metric, Source, Training


def training_of(options: Settings, source: Source) -> Training | None:
    """What is to be done to the model's weights, or None; a UsageError for options that mean nothing together."""
    techniques = [name for name in ("prune", "cluster", "qat") if options.get(name)]
    for name, needed in (("prune_structured", ["prune"]), ("finetune", ["prune", "cluster"])):
        if options.get(name) and not set(needed) & set(techniques):
            raise UsageError(
                f"--{name.replace('_', '-')} is given without {' or '.join(f'--{other}' for other in needed)}",
                hint="e.g. --prune 0.5: half of the weights become zero",
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
    )


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
