from pathlib import Path
from typing import Annotated

import typer

from pinlite.cli.options import Engine, Verbose, data, log
from pinlite.ui import tables
from pinlite.ui.console import escaped
from pinlite.ui.console import name as named


def run(
    model: Annotated[Path, typer.Argument(help="An .onnx file, a SavedModel folder, or a .tflite file.")],
    samples: Annotated[Path, typer.Option(metavar="FILE.npz", help="One array per input, under its name.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="Keep the outputs here.")] = None,
    engine: Engine = "auto",
    verbose: Verbose = False,
) -> None:
    """Run a model in its image on samples, and show its outputs."""
    from pinlite.audit import inspection
    from pinlite.ui.progress import ProgressView

    with ProgressView(log, verbose=verbose) as view:
        outputs = inspection.run(model, samples, out, engine=engine, observe=view)
    shown = tables.table("outputs", "name", "shape", "dtype", "min", "mean", "max", numbers=("min", "mean", "max"))
    for name, array in outputs.items():
        figures = [f"{figure:.6g}" for figure in (array.min(), array.mean(), array.max())] if array.size else []
        shown.add_row(named(name), "x".join(map(str, array.shape)), str(array.dtype), *figures)
    data.print(shown)


def inspect(
    model: Annotated[Path, typer.Argument(help="An .onnx file, a SavedModel folder, or a .tflite file.")],
    engine: Engine = "auto",
    verbose: Verbose = False,
) -> None:
    """Print a model in words."""
    from pinlite.audit import inspection
    from pinlite.ui.progress import ProgressView

    with ProgressView(log, verbose=verbose) as view:
        text = inspection.inspect(model, engine=engine, observe=view)
    typer.echo(escaped(text.rstrip("\n")))
