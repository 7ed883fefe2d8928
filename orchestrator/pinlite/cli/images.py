from typing import Annotated

import typer
from rich.text import Text

from pinlite import toolchain
from pinlite.cli.options import Engine, ToolchainOption, data, log
from pinlite.errors import ImageError
from pinlite.ui import tables
from pinlite.units import bytes_

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


@app.command()
def gc(
    own: Annotated[
        list[str] | None,
        typer.Option("--toolchain", metavar="FILE", help="A toolchain of your own, whose images stay."),
    ] = None,
    keep_days: Annotated[
        float, typer.Option(metavar="DAYS", min=0, help="Images of --with that were used since then stay.")
    ] = 30,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    engine: Engine = "auto",
) -> None:
    """Remove images that no toolchain names, what failed builds have left, and packages that nothing needs.

    Images of another version of pinlite go, too: it builds them again.
    """
    from pinlite.engine import choose
    from pinlite.maintenance import garbage

    chosen = choose(engine)
    with garbage.found(chosen, own or [], keep_days=keep_days) as found:
        packages = sum(path.stat().st_size for path in found.packages)
        if dry_run:
            for image in (*found.images, *found.parts):
                left = "" if image.name else ", left by a build that failed"
                size = f", {bytes_(image.size)}" if image.size else ""
                data.print(Text(f"would remove image {image.reference}{left}{size}"), soft_wrap=True)
            data.print(Text(f"would remove {len(found.packages)} files of packages, {bytes_(packages)}"))
            return
        before, kept = chosen.size(), list[ImageError]()
        for removed in garbage.remove(chosen, found, kept):
            log.print(Text(f"removed {removed}"), soft_wrap=True)
    for error in kept:
        log.print(Text(f"kept: {error.message}"), soft_wrap=True)
    data.print(Text(f"removed images: {bytes_(max(0, before - chosen.size()))}, packages: {bytes_(packages)}"))
