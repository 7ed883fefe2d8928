"""What is done to a model's weights before the export, and what the outcome is scored on."""

from pinlite.errors import UsageError
from pinlite.options.options import Options, dashed
from pinlite.options.sources import METRIC, function, python_callable
from pinlite.schema.recipe import Evaluation, Metric, Source, Training


def training_of(options: Options, source: Source) -> Training | None:
    """What is to be done to the model's weights, or None; a UsageError for options that mean nothing together."""
    techniques = [name for name in ("prune", "cluster", "qat") if getattr(options, name)]
    for name, needed in (("prune_structured", ["prune"]), ("finetune", ["prune", "cluster"])):
        if getattr(options, name) and not set(needed) & set(techniques):
            raise UsageError(
                f"--{dashed(name)} is given without {' or '.join(f'--{other}' for other in needed)}",
                hint="e.g. --prune 0.5: half of the weights become zero",
            )
    calibrating = options.calibration is not None and python_callable(options.calibration)
    if options.data and not (options.finetune or options.qat or options.evaluate or calibrating):
        raise UsageError("--data is given, but nothing that reads it", hint="give --finetune file.py:callable, too")
    if not techniques:
        return None
    if source.kind not in ("python", "checkpoint"):
        raise UsageError(
            f"--{techniques[0]} changes the weights of a PyTorch model, which {source.text} is not",
            hint="convert the code that builds the model, path/to/file.py:callable",
        )
    return Training(
        prune=options.prune,
        structured=options.prune_structured,
        cluster=options.cluster,
        finetune=function("--finetune", options.finetune),
        qat=function("--qat", options.qat),
    )


def evaluation_of(options: Options) -> Evaluation | None:
    samples = function("--evaluate", options.evaluate)
    if samples is None:
        if options.metric:
            raise UsageError("--metric is given without --evaluate", hint="e.g. --evaluate data.py:labelled")
        return None
    if not options.input:
        raise UsageError("--evaluate needs --input: what the samples have to be", hint="e.g. --input image=1x3x224x224")
    return Evaluation(function=samples, metrics=tuple(_metric(text) for text in dict.fromkeys(options.metric)))


def _metric(text: str) -> Metric:
    if METRIC.fullmatch(text):
        return Metric(name=text)
    if ":" in text:
        return Metric(name=text.rpartition(":")[2], function=function("--metric", text))
    raise UsageError(f"--metric {text!r} is none that pinlite knows", hint="top-1, top-5, mse, or file.py:callable")
