"""Versions: which toolchains there are, and making one of one's own."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pinlite.cli.options import data, log
from pinlite.ui import tables

app = typer.Typer(help="The versions that a conversion runs with.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME|FILE.toml", help="One of `pinlite toolchain list`, or a file.")]
File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The toolchain's file.")]


@app.command("list")
def list_() -> None:
    """List those that pinlite brings."""
    from pinlite import toolchain

    shown = tables.table("toolchains", "name", "lowerings", "target", "versions")
    for name in toolchain.names():
        chosen = toolchain.load(name)
        shown.add_row(name, ", ".join(chosen.lowerings), chosen.target.name, Text(chosen.description))
    data.print(shown)


@app.command()
def show(name: Name = "classic") -> None:
    """Say what a toolchain is made of: images, runtimes, opsets, targets."""
    from pinlite import toolchain

    chosen = toolchain.load(name)
    data.print(Text(f"{chosen.name}: {chosen.description}"), soft_wrap=True)
    images = tables.table("images", "stages", "image", "base", "identity")
    for role, recipe in chosen.images.items():
        images.add_row(role, recipe.name, recipe.base.name, recipe.identity()[:16])
    data.print(images)
    runtimes = tables.table("runtimes", "runtime", "image", "Select-TF", chosen.target.name)
    for runtime in chosen.runtimes:
        required = "has to pass" if chosen.target.requires(runtime) else "is told"
        runtimes.add_row(runtime.name, runtime.image, "yes" if runtime.select_tf else "", required)
    data.print(runtimes)
    opsets = chosen.opsets
    data.print(Text(f"opsets {opsets.least} to {opsets.most}, {opsets.default} unless another is asked for"))
    data.print(Text(f"lowerings: {', '.join(chosen.lowerings)}"))
    for target in chosen.targets.values():
        data.print(Text(f"target {target.name}: {target.description}"), soft_wrap=True)


@app.command()
def new(
    file: File,
    like: Annotated[str, typer.Option(metavar="NAME|FILE.toml", help="The toolchain to begin with.")] = "classic",
) -> None:
    """Write a toolchain's file to begin with."""
    from pinlite.toolchain import projects

    projects.new(file, like)
    log.print(Text(f"wrote {file}; images of your own go to {file.parent / 'pins'}/NAME/: docs/toolchains.md"))


@app.command()
def lock(
    name: Name,
    requirements: Annotated[
        Path | None,
        typer.Option("--from", metavar="REQUIREMENTS.txt", help="Make FILE.toml and its pins of a `pip freeze`."),
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DAY", help="Choose as of a day, e.g. 2021-09-01, what is not pinned.")
    ] = None,
    python: Annotated[
        str | None, typer.Option(metavar="VERSION", help="With --from: the Python, else the first that has wheels.")
    ] = None,
) -> None:
    """Write each requirements.lock of a toolchain anew from its requirements.in."""
    from pinlite import toolchain
    from pinlite.toolchain import projects
    from pinlite.ui.progress import ProgressView

    with ProgressView(log) as view:
        if requirements:
            projects.from_requirements(Path(name), requirements, view, before=before, python=python)
        else:
            projects.lock(name, view, before=before)
    log.print(Text(f"{name}: {toolchain.load(name).description}"), soft_wrap=True)
