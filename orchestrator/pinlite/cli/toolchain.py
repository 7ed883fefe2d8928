"""The command `pinlite toolchain`: list and show toolchains, and write your own."""

from pathlib import Path

from rich.text import Text

from pinlite import toolchain
from pinlite.cli.consoles import data, log
from pinlite.toolchain import projects
from pinlite.ui import tables
from pinlite.ui.progress import ProgressView


def list_() -> None:
    shown = tables.table("toolchains", "name", "lowerings", "target", "versions")
    for name in toolchain.names():
        chosen = toolchain.load(name)
        shown.add_row(name, ", ".join(chosen.lowerings), chosen.target.name, Text(chosen.description))
    data.print(shown)


def show(*, name: str = toolchain.DEFAULT) -> None:
    chosen = toolchain.load(name)
    data.print(Text(f"{chosen.name}: {chosen.description}"), soft_wrap=True)
    images = tables.table("images", "stages", "image", "base", "identity")
    for role, recipe in chosen.images.items():
        images.add_row(role, recipe.name, recipe.base.name, recipe.identity()[:16])
    data.print(images)
    runtimes = tables.table("runtimes", "runtime", "image", "Select-TF", chosen.target.name)
    for runtime in chosen.runtimes:
        required = "has to pass" if chosen.target.requires(runtime) else "is only reported"
        runtimes.add_row(runtime.name, runtime.image, "yes" if runtime.select_tf else "", required)
    data.print(runtimes)
    opsets = chosen.opsets
    data.print(Text(f"opsets {opsets.least} to {opsets.most}, default {opsets.default}"))
    data.print(Text(f"lowerings: {', '.join(chosen.lowerings)}"))
    for target in chosen.targets.values():
        has = f" ({', '.join(target.has)})" if target.has else ""
        data.print(Text(f"target {target.name}: {target.description}{has}"), soft_wrap=True)


def new(*, file: str, like: str) -> None:
    projects.new(Path(file), like)
    log.print(Text(f"wrote {file}; images of your own go to {Path(file).parent / 'pins'}/NAME/: docs/toolchains.md"))


def lock(*, name: str, requirements: str | None = None, before: str | None = None, python: str | None = None) -> None:
    with ProgressView(log) as view:
        if requirements:
            projects.from_requirements(Path(name), Path(requirements), view, before=before, python=python)
        else:
            projects.lock(name, view, before=before)
    log.print(Text(f"{name}: {toolchain.load(name).description}"), soft_wrap=True)
