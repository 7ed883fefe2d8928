"""The files and folders that a recipe reads, and the modules with what they import and name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pinlite import digest
from pinlite.digest import HashedPath
from pinlite.errors import UsageError
from pinlite.inputs import modules
from pinlite.machine import folders

if TYPE_CHECKING:
    from pinlite.schema.recipe import Calibration, Recipe, Source

# ``modules`` means a file with `modules.closure`, ``package`` what is built of a folder, ``environment`` an interpreter
# with what is installed for it; otherwise a folder counts whole.
Kind = Literal["path", "modules", "package", "environment"]


@dataclass(frozen=True)
class Dependency:
    """A path that a recipe reads, with its role and the digest of its content; "" if it does not exist.

    ``parts`` has the digests of its parts, by their paths as the recipe has them: the path itself, or a module with
    what it imports and names. ``files`` has, for a folder, the digests of the files in it, by their path there;
    ``content`` is a single file as it was when it was read.
    """

    role: str
    kind: Kind
    path: Path
    digest: str
    parts: Mapping[str, str]
    files: Mapping[str, str] | None = None
    content: HashedPath | None = None

    @property
    def is_own(self) -> bool:
        """Whether it lies in pinlite's cache, and is not a file of the user."""
        return self.path.is_relative_to(folders.cache())


def read(recipe: "Recipe") -> tuple[Dependency, ...]:
    """The dependencies of a recipe, as they are now; each file is read once."""
    try:
        return tuple(_read(*place) for place in _places(recipe))
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror}", hint="check its permissions") from error


def files(dependencies: Iterable[Dependency]) -> dict[str, str]:
    """The digests of the user's existing files, each module by itself, by the path as the recipe has it."""
    found: dict[str, str] = {}
    for each in dependencies:
        found |= {} if each.is_own else each.parts
    return dict(sorted(found.items()))


def _read(role: str, kind: Kind, path: Path) -> Dependency:
    if not path.exists():
        return Dependency(role, kind, path, "", {})
    if kind == "environment":
        from pinlite.inputs import environment  # noqa: PLC0415  # a cached run is over before pydantic is imported

        return Dependency(role, kind, path, environment.read(path).content, {})
    if kind == "modules" and path.is_file():
        parts = {str(each): digest.of_path(each) for each in modules.closure(path)}
        names = {Path(each).relative_to(path.parent).as_posix(): sha256 for each, sha256 in parts.items()}
        whole = digest.of_json(names)
        return Dependency(role, kind, path, whole, parts)
    if path.is_dir():
        if kind == "package":
            from pinlite.inputs import packages  # noqa: PLC0415  # as above

            below = packages.digests(path)
        else:
            below = digest.of_files_below(path)
        whole = digest.of_json(below)
        return Dependency(role, kind, path, whole, {str(path): whole}, below)
    content = HashedPath.of(path)
    return Dependency(role, kind, path, content.sha256, {str(path): content.sha256}, content=content)


def _places(recipe: "Recipe") -> Iterator[tuple[str, Kind, Path]]:
    """Role, kind and path of each dependency, whether or not it exists."""
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
            yield from ((role, "modules", path) for path in _modules(source.module, source.path))
        elif source and source.path:
            yield role, "path", source.path
    yield from (("source", "path", path) for path in recipe.source.beside)
    ranges = recipe.training.ranges if recipe.training else None
    paths = {"weights": recipe.weights, "samples": recipe.samples, "data": recipe.data, "qat-ranges": ranges}
    paths["labels"] = recipe.labels
    for role, path in paths.items():
        if path:
            yield role, "path", path
    yield from (("toolchain", "path", path) for path in recipe.toolchain_files)
    if recipe.environment:
        yield "environment", "environment", recipe.environment.interpreter
    yield from (("with", "package", path) for path in recipe.requirements.paths)
    if not recipe.requirements.is_empty:
        yield "requirements", "path", folders.cache() / "locks"


def of_toolchain(dependencies: Iterable[Dependency]) -> tuple[Dependency, ...]:
    """Those that say what a model is converted with, and not what is converted."""
    return tuple(each for each in dependencies if each.role in ("toolchain", "with"))


def digest_of(kind: Kind, path: Path) -> str:
    """The digest of a dependency as it is now."""
    return _read("", kind, path).digest


def _modules(module: str, path: Path | None) -> tuple[Path, ...]:
    """Where a module of the user is. For a module of the image, the paths where a file would take its place."""
    top = Path(module.partition(".")[0])
    return (path,) if path else (top, top.with_suffix(".py"))
