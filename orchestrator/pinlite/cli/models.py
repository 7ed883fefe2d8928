from pathlib import Path
from typing import Unpack

import typer

from pinlite import api
from pinlite.auditing import inspection
from pinlite.cli.consoles import data, log
from pinlite.options.declared import EngineOptions, RunOptions
from pinlite.ui import tables
from pinlite.ui.console import escaped
from pinlite.ui.console import name as named
from pinlite.ui.progress import ProgressView


def run(*, model: str, samples: str, verbose: bool, **given: Unpack[RunOptions]) -> None:
    with ProgressView(log, verbose=verbose) as view:
        outputs = api.run(model, samples, observe=view, **given)
    shown = tables.table("outputs", "name", "shape", "dtype", "min", "mean", "max", numbers=("min", "mean", "max"))
    for name, array in outputs.items():
        figures = [f"{figure:.6g}" for figure in (array.min(), array.mean(), array.max())] if array.size else []
        shown.add_row(named(name), "x".join(map(str, array.shape)), str(array.dtype), *figures)
    data.print(shown)


def inspect(*, model: str, verbose: bool, **given: Unpack[EngineOptions]) -> None:
    if report := inspection.report(Path(model)):
        tables.show(report, str(model if Path(model).is_dir() else Path(model).parent), data)
        return
    with ProgressView(log, verbose=verbose) as view:
        text = api.inspect(model, observe=view, **given)
    typer.echo(escaped(text.rstrip("\n")))
