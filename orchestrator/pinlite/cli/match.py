from typing import Unpack

import typer

from pinlite import api
from pinlite.cli.consoles import data, progress
from pinlite.cli.reports import printed
from pinlite.errors import NotReproducibleError
from pinlite.options.declared import MatchOptions
from pinlite.ui import tables
from pinlite.ui.console import escaped_json


def match(*, old: str, source: str, verbose: bool, json: bool, **given: Unpack[MatchOptions]) -> None:
    with progress(verbose=verbose) as view:
        found = api.match(old, source, observe=view, **given)
    if json:
        typer.echo(escaped_json(found.to_json()), nl=False)
    else:
        tables.show_match(found, data)
    if not found.found:
        hint = (
            "`pinlite diff` lists the differences of two files; `pinlite toolchain lock --from` makes a toolchain of "
            "the versions that a project recorded, which --toolchain tries"
        )
        raise printed(NotReproducibleError(f"none of the toolchains made {old}", hint=hint))
