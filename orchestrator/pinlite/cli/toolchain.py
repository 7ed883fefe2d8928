"""The command `pinlite toolchain`: list and show toolchains, and write your own."""

from pathlib import Path
from typing import Any

from rich.text import Text

from pinlite import toolchain
from pinlite.cli.consoles import data, log, print_json, progress
from pinlite.toolchain import projects
from pinlite.ui import tables


def list_(*, json: bool) -> None:
    if json:
        print_json([_described(toolchain.load(name)) for name in toolchain.names()])
        return
    shown = tables.table("toolchains", "name", "lowerings", "target", "versions")
    for name in toolchain.names():
        chosen = toolchain.load(name)
        shown.add_row(name, ", ".join(chosen.lowerings), chosen.target.name, Text(chosen.description))
    data.print(shown)


def _described(chosen: toolchain.Toolchain) -> dict[str, Any]:
    """A toolchain as JSON."""
    images = [
        {"stages": role, "name": recipe.name, "base": recipe.base.name, "identity": recipe.identity()}
        for role, recipe in chosen.images.items()
    ]
    runtimes = [
        {
            "name": runtime.name,
            "image": runtime.image,
            "select_tf": runtime.select_tf,
            "required": chosen.target.requires(runtime),
        }
        for runtime in chosen.runtimes
    ]
    return {
        "name": chosen.name,
        "description": chosen.description,
        "images": images,
        "runtimes": runtimes,
        "opsets": {"least": chosen.opsets.least, "most": chosen.opsets.most, "default": chosen.opsets.default},
        "lowerings": list(chosen.lowerings),
        "target": chosen.target.name,
        "targets": [
            {"name": target.name, "description": target.description, "has": sorted(target.has)}
            for target in chosen.targets.values()
        ],
        "runtimes_to_add": [{"name": name, "description": row.description} for name, row in toolchain.added().items()],
    }


def show(*, name: str = toolchain.DEFAULT, json: bool) -> None:
    chosen = toolchain.load(name)
    if json:
        print_json(_described(chosen))
        return
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
    for added, row in toolchain.added().items():
        data.print(Text(f"--runtime {added}: {row.description}"), soft_wrap=True)


def new(*, file: str, like: str, json: bool) -> None:
    projects.new(Path(file), like)
    if json:
        print_json({"written": file, **_described(toolchain.load(file))})
        return
    log.print(Text(f"wrote {file}; images of your own go to {Path(file).parent / 'pins'}/NAME/: docs/toolchains.md"))


def lock(
    *,
    name: str,
    requirements: str | None = None,
    before: str | None = None,
    python: str | None = None,
    json: bool,
) -> None:
    with progress() as view:
        if requirements:
            projects.from_requirements(Path(name), Path(requirements), view, before=before, python=python)
        else:
            projects.lock(name, view, before=before)
    if json:
        print_json(_described(toolchain.load(name)))
        return
    log.print(Text(f"{name}: {toolchain.load(name).description}"), soft_wrap=True)
