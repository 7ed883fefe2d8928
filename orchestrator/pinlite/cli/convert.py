import sys
from pathlib import Path
from typing import Unpack

from rich.text import Text

from pinlite import options
from pinlite.cli.consoles import data, print_json, progress
from pinlite.cli.reports import finish, printed
from pinlite.conversion import pipeline, plan
from pinlite.conversion.run import key_files
from pinlite.errors import PinliteError
from pinlite.options import declared
from pinlite.options.option import Locked
from pinlite.provenance import lockfile
from pinlite.store import runs


def convert(
    *,
    source: str | None = None,
    config: str | None = None,
    locked: Locked = False,
    dry_run: bool = False,
    verbose: bool = False,
    json: bool = False,
    html: str | None = None,
    **given: Unpack[declared.RecipeOptions],
) -> None:
    asked = options.keyed(declared.Settings, {"source": source, **given})
    file = Path(config) if config else options.default_file(asked)
    lock = file.with_suffix(".lock") if file else None
    recipe = options.resolve(asked, file)
    recorded = lockfile.beside(lock, locked) if locked else None
    if dry_run:
        with progress(verbose=verbose) as view:
            planned = plan.prepare(recipe, view)
        pipeline.beginning(planned, recorded)
        _show_plan(planned, json=json)
        return
    try:
        with progress(verbose=verbose) as view:
            planned = plan.prepare(recipe, view)
            before = runs.state(planned.dependencies, *([file] if file else []), *key_files(recipe))
            report = pipeline.run_plan(planned, view, recorded=recorded)
    except PinliteError as error:
        if error.report:
            finish(error.report, recipe.out, json=json, html=html)
            printed(error)
        raise
    if lock and not locked:
        lockfile.write(report.lock, lock)
    if recipe.cache and not recipe.refresh and not recipe.sign and not html:
        runs.keep(sys.argv[1:], recipe, before, report, written=lock, contents=planned.contents)
    finish(report, recipe.out, json=json, html=html)


def _show_plan(planned: plan.Plan, *, json: bool) -> None:
    recipe = planned.recipe
    found = {
        "source": recipe.source.text,
        "out": str(recipe.out),
        "variants": recipe.variants,
        "stages": [stage.name for stage in planned.stages],
        "images": sorted({image.name for image in planned.images.values()}),
    }
    if json:
        print_json(found)
    else:
        lines = (f"{name}: {value if isinstance(value, str) else ', '.join(value)}" for name, value in found.items())
        data.print(Text("\n".join(lines)), soft_wrap=True)
