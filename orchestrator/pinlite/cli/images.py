from typing import Annotated

import typer
from rich.text import Text

from pinlite import toolchain
from pinlite.cli.options import Engine, ToolchainOption, data, log
from pinlite.ui import tables

app = typer.Typer(help="The images that the stages run in.", no_args_is_help=True)


@app.command()
def build(chosen: ToolchainOption = toolchain.DEFAULT, engine: Engine = "auto") -> None:
    """Build those of a toolchain that are missing."""
    from pinlite.engine import choose
    from pinlite.ui.progress import ProgressView

    with ProgressView(log) as view:
        choose(engine, view).ensure(toolchain.load(chosen).recipes, view)


@app.command("list")
def list_(engine: Engine = "auto") -> None:
    """List those that are there."""
    from pinlite.engine import choose

    chosen = choose(engine)
    current = {image.reference for image in chosen.find(toolchain.every_recipe()).values()}
    shown = tables.table(f"images of the {chosen.name} engine", "image", "identity", "", "reference")
    for image in chosen.images():
        state = "current" if image.reference in current else "not used by this version"
        shown.add_row(image.name, image.identity[:16], state, Text(image.reference))
    data.print(shown)


@app.command()
def rm(
    everything: Annotated[bool, typer.Option("--all", help="Also those that this version uses.")] = False,
    engine: Engine = "auto",
) -> None:
    """Remove those that this version does not use."""
    from pinlite.engine import choose

    chosen = choose(engine)
    kept = set() if everything else {i.reference for i in chosen.find(toolchain.every_recipe()).values()}
    # Children first: an image that another one stands on can't go.
    for image in reversed([image for image in chosen.images() if image.reference not in kept]):
        chosen.remove_image(image)
        log.print(Text(f"removed {image.reference}"))
