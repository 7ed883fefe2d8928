from pathlib import Path
from typing import Annotated

import typer

from pinlite import config, pipeline
from pinlite.cli.options import data, log
from pinlite.errors import ParityError
from pinlite.model import EngineChoice, Lowering, Ops, Report
from pinlite.ui import tables
from pinlite.ui.progress import ProgressView


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
    opset: Annotated[int | None, typer.Option(help="The ONNX opset to export [12].")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the samples and of torch [0].")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest difference allowed, over the largest output [1e-4].")
    ] = None,
    engine: Annotated[EngineChoice | None, typer.Option(help="What runs the stages [auto].")] = None,
    memory: Annotated[str | None, typer.Option(metavar="SIZE", help="What a stage may take, e.g. 4g [8g].")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="How long a stage may take [1800].")] = None,
    file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE.toml", help="The same keys; the command line wins.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Convert a PyTorch model to TFLite, run it, and compare it with PyTorch."""
    given = {
        "source": source,
        "input": inputs,
        "output-name": output_names,
        "weights": weights,
        "samples": samples,
        "with": requirements,
        "out": out,
        "lowering": lowering,
        "input-layout": input_layouts,
        "output-layout": output_layouts,
        "ops": ops,
        "dynamic-batch": dynamic_batch,
        "opset": opset,
        "seed": seed,
        "tolerance": tolerance,
        "engine": engine,
        "memory": memory,
        "timeout": timeout,
    }
    recipe = config.resolve(given, file)
    try:
        with ProgressView(log) as view:
            report = pipeline.run(recipe, view)
    except ParityError as error:
        _show(error.report, recipe.out, json)
        raise
    _show(report, recipe.out, json)


def _show(report: Report, out: Path, json: bool) -> None:
    if json:
        typer.echo(report.to_json(), nl=False)
    else:
        tables.show(report, str(out), data)
