import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pinlite.cli.options import Disk, Memory, Timeout, Trust, Verbose, data, log
from pinlite.errors import PinliteError
from pinlite.schema.choices import EngineChoice, IntegerIo, Lowering, Ops
from pinlite.ui import tables
from pinlite.ui.console import escaped_json

if TYPE_CHECKING:
    from pinlite.schema.report import Report


def convert(
    source: Annotated[
        str | None,
        typer.Argument(help="path/to/file.py:callable, package.module:callable, a .pt or .onnx file, a SavedModel."),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=SHAPE[:DTYPE]", help="An input, e.g. image=1x3x224x224; in call order."),
    ] = None,
    output_names: Annotated[
        list[str] | None, typer.Option("--output-name", metavar="NAME", help="A name for each output.")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="FILE", help="A state_dict to load into the model.")] = None,
    samples: Annotated[
        str | None, typer.Option(metavar="FILE.npz", help="Inputs to compare on, else seeded uniform ones.")
    ] = None,
    requirements: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="NAME==VERSION", help="A package that the model's own code imports."),
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="NAME",
            help="float32 [the default], float16, dynamic, int8, int8-only, int16x8; any number of them.",
        ),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLES",
            help="What int8, int8-only and int16x8 take ranges from: FILE.npz, a folder of .npy files or of images, "
            "file.py:callable that yields samples, or the word random.",
        ),
    ] = None,
    mean: Annotated[
        str | None, typer.Option(metavar="R,G,B", help="Of calibration images, whose pixels are in [0, 1] [0].")
    ] = None,
    std: Annotated[str | None, typer.Option(metavar="R,G,B", help="What their pixels are divided by [1].")] = None,
    integer_io: Annotated[IntegerIo | None, typer.Option(help="What goes in and out of int8-only [int8].")] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Where the results go [build/<callable>].")] = None,
    lowering: Annotated[Lowering | None, typer.Option(help="How ONNX becomes TensorFlow [nhwc].")] = None,
    input_layouts: Annotated[
        list[str] | None,
        typer.Option("--input-layout", metavar="[NAME=]nhwc", help="Channels last: of an input, or all of rank 4."),
    ] = None,
    output_layouts: Annotated[
        list[str] | None,
        typer.Option("--output-layout", metavar="[NAME=]nhwc", help="Channels last: of an output, or all of rank 4."),
    ] = None,
    ops: Annotated[
        Ops | None, typer.Option(help="TFLite's own operators, or TensorFlow's beside them where need be [auto].")
    ] = None,
    dynamic_batch: Annotated[
        bool | None, typer.Option("--dynamic-batch", help="Leave the batch open, for resize_tensor_input.")
    ] = None,
    toolchain: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml", help="The versions of all stages: one of `pinlite toolchain list` \\[classic]."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The oldest runtime in which the files must run \\[tflite-2.4]."),
    ] = None,
    opset: Annotated[int | None, typer.Option(help="The ONNX opset to export [12].")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the samples and of torch [0].")] = None,
    prune: Annotated[float | None, typer.Option(metavar="SHARE", help="Make this share of the weights zero.")] = None,
    structured: Annotated[
        bool | None, typer.Option("--prune-structured", help="Prune whole output channels, by layer.")
    ] = None,
    cluster: Annotated[
        int | None, typer.Option(metavar="COUNT", help="Let the weights of each layer share this many values.")
    ] = None,
    finetune: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:CALLABLE", help="Trains the pruned or clustered model in place: (model, data)."),
    ] = None,
    qat: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:CALLABLE", help="Trains the model in place for int8: quantization-aware."),
    ] = None,
    evaluate: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:CALLABLE", help="Yields pairs of a sample and its label, to score on."),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="METRIC", help="top-1, top-5, mse or FILE.py:CALLABLE [by the labels]."),
    ] = None,
    training_data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="A file or folder that functions of yours read.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest difference allowed, over the largest output [1e-4].")
    ] = None,
    variant_tolerances: Annotated[
        list[str] | None,
        typer.Option(
            "--variant-tolerance", metavar="NAME=NUMBER", help="The same for a variant, e.g. int8=0.05 [float16=0.02]."
        ),
    ] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict", help="End with status 3 where something may be wrong: any warning.")
    ] = None,
    sign: Annotated[
        str | None,
        typer.Option(metavar="KEY.pem", help="An Ed25519 private key that signs where the result comes from."),
    ] = None,
    engine: Annotated[EngineChoice | None, typer.Option(help="What runs the stages [auto].")] = None,
    trust: Trust = None,
    memory: Memory = None,
    disk: Disk = None,
    timeout: Timeout = None,
    no_cache: Annotated[
        bool | None, typer.Option("--no-cache", help="Take nothing from the store, and keep nothing there.")
    ] = None,
    refresh: Annotated[
        list[str] | None, typer.Option(metavar="STAGE", help="Run this stage anew, and compare with what was kept.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="The same keys; the command line wins.")
    ] = None,
    locked: Annotated[
        bool, typer.Option("--locked", help="Refuse what differs from pinlite.lock, the file beside --config.")
    ] = False,
    verbose: Verbose = False,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert a PyTorch model to TFLite, run it, and compare it with PyTorch."""
    from pinlite import options
    from pinlite.conversion import pipeline
    from pinlite.conversion.plan import prepare
    from pinlite.provenance import lockfile
    from pinlite.store import runs
    from pinlite.ui.progress import ProgressView

    given = {
        "source": source,
        "input": inputs,
        "output-name": output_names,
        "weights": weights,
        "samples": samples,
        "with": requirements,
        "variant": variants,
        "calibration": calibration,
        "mean": mean,
        "std": std,
        "integer-io": integer_io,
        "variant-tolerance": variant_tolerances,
        "out": out,
        "lowering": lowering,
        "input-layout": input_layouts,
        "output-layout": output_layouts,
        "ops": ops,
        "dynamic-batch": dynamic_batch,
        "toolchain": toolchain,
        "target": target,
        "opset": opset,
        "seed": seed,
        "prune": prune,
        "prune-structured": structured,
        "cluster": cluster,
        "finetune": finetune,
        "qat": qat,
        "evaluate": evaluate,
        "metric": metrics,
        "data": training_data,
        "tolerance": tolerance,
        "strict": strict,
        "sign": sign,
        "engine": engine,
        "trust": trust,
        "memory": memory,
        "disk": disk,
        "timeout": timeout,
        "no-cache": no_cache,
        "refresh": refresh,
    }
    file = file or options.default_file(given)
    lock = file.with_suffix(".lock") if file else None
    recipe = options.resolve(given, file)
    recorded = lockfile.beside(lock) if locked else None
    try:
        with ProgressView(log, verbose=verbose) as view:
            plan = prepare(recipe, view)
            before = runs.state(plan.dependencies, *([file] if file else []))
            report = pipeline.run_plan(plan, view, recorded=recorded)
    except PinliteError as error:
        if error.report:
            _show(error.report, recipe.out, json)
        raise
    if lock and not locked:
        lockfile.write(report.lock, lock)
    if recipe.cache and not recipe.refresh and not recipe.sign:
        runs.keep(sys.argv[1:], recipe, before, report, written=lock)
    _show(report, recipe.out, json)


def _show(report: "Report", out: Path, json: bool) -> None:
    if json:
        typer.echo(escaped_json(report.to_json()), nl=False)
    else:
        tables.show(report, str(out), data)
