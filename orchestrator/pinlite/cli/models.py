import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import typer

from pinlite import api
from pinlite.auditing import inspection
from pinlite.cli.consoles import data, print_json, progress
from pinlite.cli.reports import show
from pinlite.options.declared import EngineOptions, RunOptions
from pinlite.ui import contents, tables
from pinlite.ui.console import escaped, escaped_json
from pinlite.ui.console import name as named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def run(*, model: str, samples: str, verbose: bool, json: bool, **given: Unpack[RunOptions]) -> None:
    with progress(verbose=verbose) as view:
        outputs = api.run(model, samples, observe=view, **given)
    if json:
        print_json({"outputs": [_described(name, array) for name, array in outputs.items()]})
        return
    shown = tables.table("outputs", "name", "shape", "dtype", "min", "mean", "max", numbers=("min", "mean", "max"))
    for name, array in outputs.items():
        figures = [f"{figure:.6g}" for figure in (array.min(), array.mean(), array.max())] if array.size else []
        shown.add_row(named(name), "x".join(map(str, array.shape)), str(array.dtype), *figures)
    data.print(shown)


def _described(name: str, array: "NDArray[np.generic]") -> dict[str, Any]:
    """An output as JSON: its figures are None where it has no numbers, or some that JSON does not have."""
    found: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)}
    for figure in ("min", "mean", "max"):
        value = float(getattr(array, figure)()) if array.size else math.nan
        found[figure] = value if math.isfinite(value) else None
    return found


def inspect(*, model: str, verbose: bool, json: bool, **given: Unpack[EngineOptions]) -> None:
    if report := inspection.report(Path(model)):
        show(report, Path(model) if Path(model).is_dir() else Path(model).parent, json=json)
        return
    with progress(verbose=verbose) as view:
        found = api.inspect(model, observe=view, **given)
    if isinstance(found, str):
        if json:
            print_json({"model": str(model), "text": found})
        else:
            typer.echo(escaped(found.rstrip("\n")))
    elif json:
        typer.echo(escaped_json(found.to_json()), nl=False)
    else:
        contents.show(found, data)
