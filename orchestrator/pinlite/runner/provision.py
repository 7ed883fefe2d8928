"""What the stages of a recipe get: their images, and copies of the files that they may see."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pinlite import toolchain
from pinlite.engine import Engine
from pinlite.errors import UsageError
from pinlite.events import Observer
from pinlite.inputs import external_data, modules
from pinlite.schema.recipe import Recipe, Requirements
from pinlite.stages import export
from pinlite.stages.stage import Stage
from pinlite.toolchain import ImageRecipe, Toolchain

if TYPE_CHECKING:
    from pinlite.toolchain.source_packages import SourceFile


def image_recipes(
    chosen: Toolchain, stages: Sequence[Stage], packages: Requirements, observe: Observer
) -> dict[str, ImageRecipe]:
    """The recipe of each image that the stages name, by what they call it; export's has the packages of ``--with``."""
    wanted = {name: chosen.images[name] for name in dict.fromkeys(stage.image for stage in stages)}
    if not packages.is_empty and export.STAGE.image in wanted:
        from pinlite.toolchain import extra_requirements  # noqa: PLC0415  # takes time to import

        plain = chosen.images[export.STAGE.image]
        asked = extra_requirements.wanted(packages.pinned, packages.paths, packages.before)
        added = extra_requirements.locked(asked, plain, functools.partial(_fetched, observe=observe), observe)
        wanted[export.STAGE.image] = toolchain.with_requirements(plain, added.lock, added.local)
    return wanted


def _fetched(source: "SourceFile", observe: Observer) -> Path:
    """The source of a package, in the cache of what images are made of."""
    from pinlite.engine.wheels import Distribution, WheelCache  # noqa: PLC0415  # as above

    cache, file = WheelCache(), Distribution(**asdict(source), allowed=frozenset({source.sha256}))
    with cache.using():
        here = cache.fetch(cache.missing([file]), observe)
        return cache.path(here.get(file.sha256, file))


def check_trust(recipe: Recipe, images: Mapping[str, ImageRecipe], engine: Engine) -> None:
    """Refuse what would run a file that looks like data, where nothing keeps it from the machine."""
    if engine.isolates or recipe.trust:
        return
    sources = [each.source for each in recipe.models]
    if checkpoint := next((source for source in sources if source.kind == "checkpoint"), None):
        raise UsageError(
            f"{checkpoint.text} is a program: loading it runs what is in it, and the {engine.name} engine does not "
            "isolate",
            hint="convert it with --engine docker; give --trust if you know who wrote it; or convert the code that "
            "builds the model, and give its state_dict with --weights, of which nothing is run",
        )
    if strange := sorted({source for image in images.values() for source in image.strange_sources}):
        raise UsageError(
            f"--with: {', '.join(strange)} can be had as source only: building it runs its setup.py, and the "
            f"{engine.name} engine does not isolate",
            hint="convert with --engine docker; give --trust if you know who wrote it; or build a wheel of it "
            "yourself, and give that",
        )
    for source in sources:
        if source.kind == "saved_model":
            check_graph(source.text, engine, trust=recipe.trust)


def check_graph(saved_model: str, engine: Engine, *, trust: bool) -> None:
    """Refuse to run a SavedModel where nothing keeps its operators from the machine's files."""
    if not (engine.isolates or trust):
        raise UsageError(
            f"{saved_model} is a program: the graph of a SavedModel may read and write files, and the {engine.name} "
            "engine does not isolate",
            hint="take --engine docker, or give --trust where you know who wrote it",
        )


def shown(folder: Path) -> dict[str, Path]:
    """What stages were shown of the user's modules and images, by role: the copies below ``folder``."""
    places = {role: folder / role for role in ("source", "functions", "calibration", "evaluation")}
    return {role: place for role, place in places.items() if place.is_dir()}


def onnx(given: Path, beside: Sequence[Path], folder: Path) -> Path:
    """What the sandbox is shown of an .onnx file: the file, or a new folder below ``folder`` of links to it, as
    model.onnx, and to the files ``beside`` it that it keeps tensors in.
    """
    if not beside:
        return given
    shown = folder / "onnx"
    locations = [path.relative_to(given.parent).as_posix() for path in beside]
    files = {location: external_data.inside(given, location) for location in locations}
    for name, path in {external_data.NAME: given, **files}.items():
        (shown / name).parent.mkdir(parents=True, exist_ok=True)
        (shown / name).symlink_to(path.resolve())
    return shown


def source(recipe: Recipe, folder: Path) -> Path:
    """What the sandbox is shown of a PyTorch model, in a new folder below ``folder``; that folder is empty where the
    image itself holds the module.
    """
    given = recipe.source
    if given.kind == "checkpoint":
        assert given.path is not None, "only a module may have no path"
        return given.path
    return modules_of(given.path, folder / "source")


def modules_of(path: Path | None, folder: Path) -> Path:
    if path is None:
        folder.mkdir()
        return folder
    return modules.collect(path, folder)


def functions(recipe: Recipe, folder: Path, source: Path) -> Path | None:
    """The modules of the functions that train the model, in a folder below ``folder``; None without any."""
    paths = [function.path for function in export.functions(recipe) if function.path]
    return modules.collect_beside(paths, folder / "functions", source) if paths else None
