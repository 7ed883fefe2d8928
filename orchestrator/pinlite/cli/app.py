from typing import Annotated

import typer

import pinlite
from pinlite.cli import (
    cache,
    clean,
    convert,
    debug,
    diff,
    doctor,
    images,
    match,
    models,
    reproduce,
    toolchain,
    verify,
)

app = typer.Typer(
    help="PyTorch to TFLite through pinned containers: converted, compared with PyTorch, the same bytes every time.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(convert.convert)
app.command()(models.run)
app.command()(models.inspect)
app.command()(diff.diff)
app.command()(debug.debug)
app.command()(reproduce.reproduce)
app.command()(match.match)
app.command()(verify.verify)
app.command()(doctor.doctor)
app.command()(clean.clean)
app.add_typer(cache.app, name="cache")
app.add_typer(images.app, name="images")
app.add_typer(toolchain.app, name="toolchain")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pinlite {pinlite.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass
