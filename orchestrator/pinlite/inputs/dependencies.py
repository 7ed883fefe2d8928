"""What a recipe reads of the user's: files, folders, and modules with what they import."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from pinlite import digest
from pinlite.inputs import modules
from pinlite.machine import folders

if TYPE_CHECKING:
    from pinlite.schema.recipe import Calibration, Recipe, Source

# ``modules`` are a file with the modules beside it that it imports; folders are whole either way.
Kind = Literal["path", "modules"]


class Read(NamedTuple):
    """A place that a recipe reads, and as what."""

    role: str
    kind: Kind
    path: Path


def of(recipe: "Recipe") -> Iterator[Read]:
    """Where the recipe reads, whether or not something is there."""
    named: list[tuple[str, Source | Calibration | None]] = [
        ("source", recipe.source),
        ("calibration", recipe.calibration),
    ]
    if recipe.training:
        named += [("finetune", recipe.training.finetune), ("qat", recipe.training.qat)]
    if recipe.evaluation:
        named += [("evaluate", recipe.evaluation.function)]
        named += [("metric", metric.function) for metric in recipe.evaluation.metrics]
    for role, source in named:
        if source and source.module:
            yield from (Read(role, "modules", path) for path in _places(source.module, source.path))
        elif source and source.path:
            yield Read(role, "path", source.path)
    for role, path in (("weights", recipe.weights), ("samples", recipe.samples), ("data", recipe.data)):
        if path:
            yield Read(role, "path", path)
    yield from (Read("toolchain", "path", path) for path in recipe.toolchain_files)
    if recipe.requirements:
        yield Read("requirements", "path", folders.cache() / "locks")


def digest_of(kind: Kind, path: Path) -> str:
    """Empty for what is not there."""
    if not path.exists():
        return ""
    return modules.digest_of(path) if kind == "modules" and path.is_file() else digest.of_path(path)


def files(recipe: "Recipe") -> dict[str, str]:
    """The digests of all that there is, each module by itself, by its path as the recipe has it."""
    found: dict[str, str] = {}
    for _, kind, path in of(recipe):
        if kind == "modules" and path.is_file():
            found |= {str(each): digest.of_path(each) for each in modules.closure(path)}
        elif path.exists() and not path.is_relative_to(folders.cache()):
            found[str(path)] = digest.of_path(path)
    return dict(sorted(found.items()))


def _places(module: str, path: Path | None) -> tuple[Path, ...]:
    """Where a module of the user's is; of an image's module, where one of the user's would take its place."""
    top = Path(module.partition(".")[0])
    return (path,) if path else (top, top.with_suffix(".py"))
