from pathlib import Path
from typing import Annotated

import typer

from pinlite.cli.options import Disk, Engine, Memory, Timeout, Trust, Verbose, data, log
from pinlite.schema.choices import IntegerIo, VariantName
from pinlite.ui import tables
from pinlite.ui.console import escaped_json


def match(
    old: Annotated[Path, typer.Argument(metavar="OLD.tflite", help="The file whose versions are looked for.")],
    source: Annotated[str, typer.Argument(help="Its model, as `pinlite convert` takes it.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=SHAPE[:DTYPE]", help="An input, in call order.")
    ] = None,
    output_names: Annotated[
        list[str] | None, typer.Option("--output-name", metavar="NAME", help="A name for each output.")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="FILE", help="The state_dict that it had.")] = None,
    requirements: Annotated[
        list[str] | None, typer.Option("--with", metavar="NAME==VERSION", help="A package that its code imports.")
    ] = None,
    variant: Annotated[VariantName, typer.Option(help="The kind of file that it is.")] = "float32",
    calibration: Annotated[
        str | None, typer.Option(metavar="SAMPLES", help="What its integers took their ranges from.")
    ] = None,
    mean: Annotated[str | None, typer.Option(metavar="R,G,B", help="Of calibration images.")] = None,
    std: Annotated[str | None, typer.Option(metavar="R,G,B", help="Of calibration images.")] = None,
    integer_io: Annotated[IntegerIo | None, typer.Option(help="What goes in and out of int8-only.")] = None,
    opset: Annotated[int | None, typer.Option(help="The ONNX opset, else each toolchain's usual one.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of torch, where the model draws numbers.")] = None,
    toolchains: Annotated[
        list[str] | None,
        typer.Option("--toolchain", metavar="NAME|FILE.toml", help="One to try, instead of all that pinlite brings."),
    ] = None,
    engine: Engine = "auto",
    trust: Trust = None,
    memory: Memory = None,
    disk: Disk = None,
    timeout: Timeout = None,
    verbose: Verbose = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say which versions made a TFLite file: each toolchain converts its model, and the bytes are compared."""
    from pinlite.conversion import matching
    from pinlite.errors import NotReproducibleError
    from pinlite.ui.progress import ProgressView

    given = {
        "source": source,
        "input": inputs,
        "output-name": output_names,
        "weights": weights,
        "with": requirements,
        "variant": [variant],
        "calibration": calibration,
        "mean": mean,
        "std": std,
        "integer-io": integer_io,
        "opset": opset,
        "seed": seed,
        "engine": engine,
        "trust": trust,
        "memory": memory,
        "disk": disk,
        "timeout": timeout,
    }
    with ProgressView(log, verbose=verbose) as view:
        found = matching.match(old, given, toolchains or (), observe=view)
    if json:
        typer.echo(escaped_json(found.to_json()), nl=False)
    else:
        tables.show_match(found, data)
    if not found.found:
        raise NotReproducibleError(
            f"none of the toolchains made {old}",
            hint="`pinlite diff` says more of how files differ; `pinlite toolchain lock --from` makes a toolchain of "
            "the versions that a project recorded, which --toolchain tries",
        )
