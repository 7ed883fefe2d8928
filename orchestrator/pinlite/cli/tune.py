from pathlib import Path
from typing import Unpack

from pinlite import options
from pinlite.cli.consoles import progress
from pinlite.cli.reports import finish, printed
from pinlite.errors import PinliteError
from pinlite.options import declared
from pinlite.tuning import tune as tuning


def tune(
    *,
    source: str | None = None,
    config: str | None = None,
    budget: str = declared.BUDGET,
    verbose: bool = False,
    json: bool = False,
    html: str | None = None,
    **given: Unpack[declared.RecipeOptions],
) -> None:
    asked = options.keyed(declared.Settings, {"source": source, **given})
    file = Path(config) if config else options.default_file(asked)
    seconds = options.duration("--budget", budget)
    recipe = tuning.resolve(asked, file)
    try:
        with progress(verbose=verbose) as view:
            report = tuning.tune(recipe, file, seconds, view)
    except PinliteError as error:
        if error.report:
            finish(error.report, recipe.out, json=json, html=html)
            printed(error)
        raise
    finish(report, recipe.out, json=json, html=html)
