"""Toolchains: which image serves which stage, and which runtimes run the files."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from pinlite.errors import UsageError
from pinlite.inputs.paths import existing_file
from pinlite.machine import folders
from pinlite.schema.choices import DEFAULT_TOOLCHAIN, Lowering
from pinlite.schema.frozen import Frozen
from pinlite.toolchain import bases, files, images, runtimes, targets
from pinlite.toolchain.images import ImageRecipe, normalized
from pinlite.toolchain.runtimes import Runtime, RuntimeRow
from pinlite.toolchain.targets import Target, TargetRow

DEFAULT = DEFAULT_TOOLCHAIN
SUFFIX, PINS = ".toml", "pins"
# The roles that stages name as their image; a runtime's stage names the runtime's own image.
ROLES = ("torch", "onnx", "onnx-tf", "tensorflow")
# The role that a toolchain may leave out: its ONNX files are then those that its onnx reads.
ADAPT = "onnx-adapt"
# Another one: its files then have no TFLite metadata.
METADATA = "metadata"


class Opsets(Frozen):
    """The ONNX opsets that can be exported, and the default one."""

    least: int
    most: int
    default: int

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.least <= self.default <= self.most:
            raise ValueError("the default opset is not between the least and the most")
        return self


class ToolchainFile(Frozen):
    """``images/toolchains/<name>.toml``, or the file of ``--toolchain``. ``date`` is a day on which its versions were
    those to use, as of which packages of ``--with`` are chosen.
    """

    description: str
    date: str = Field("", pattern=r"^(\d{4}-\d\d-\d\d)?$")
    opsets: Opsets
    lowerings: tuple[Lowering, ...] = Field(min_length=1)
    target: str
    images: Mapping[str, str]
    runtimes: tuple[RuntimeRow, ...] = Field(min_length=1)
    targets: Mapping[str, TargetRow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _serves_all(self) -> Self:
        if missing := [role for role in ROLES if role not in self.images]:
            raise ValueError(f"images has nothing for {', '.join(missing)}")
        if strange := sorted(set(self.images) - {*ROLES, ADAPT, METADATA}):
            raise ValueError(f"images has {', '.join(strange)}, which no stage asks for")
        return self


@dataclass(frozen=True)
class Toolchain:
    """``text`` is what ``--toolchain`` said, ``file`` the file that it was read from. ``images`` has the images by the
    names that stages use: `ROLES`, `ADAPT` and `METADATA` where there are some, and those of the runtimes. The first of
    ``lowerings`` is the default, and so is ``target``. ``date`` is "" where the file names none.
    """

    name: str
    text: str
    description: str
    file: Path
    images: Mapping[str, ImageRecipe] = field(repr=False)
    runtimes: tuple[Runtime, ...]
    opsets: Opsets
    lowerings: tuple[Lowering, ...]
    target: Target
    targets: Mapping[str, Target]
    date: str = ""

    @property
    def recipes(self) -> tuple[ImageRecipe, ...]:
        """Each image once."""
        return tuple({recipe.name: recipe for recipe in self.images.values()}.values())


def names() -> tuple[str, ...]:
    """The toolchains that pinlite brings, the default first."""
    found = sorted(path.stem for path in (folders.IMAGES / "toolchains").glob(f"*{SUFFIX}"))
    return tuple(sorted(found, key=lambda name: name != DEFAULT))


def every_recipe() -> tuple[ImageRecipe, ...]:
    """The images of all toolchains, targets and runtimes that pinlite brings, each once."""
    chosen = [load(name) for name in names()]
    found = (recipe for each in chosen for recipe in (*each.recipes, *brought_recipes(each)))
    return tuple({recipe.name: recipe for recipe in found}.values())


def brought_recipes(chosen: Toolchain) -> tuple[ImageRecipe, ...]:
    """The images that a toolchain's targets bring, and those of the runtimes that may be added, each once."""
    extended = [
        *(with_target(chosen, name) for name in chosen.targets),
        *(with_runtimes(chosen, [name]) for name in runtimes.added()),
    ]
    found = (recipe for each in extended for recipe in each.recipes)
    return tuple({recipe.name: recipe for recipe in found if recipe not in chosen.recipes}.values())


def is_file(text: str) -> bool:
    """Whether ``--toolchain`` names a file."""
    return text.endswith(SUFFIX)


def own_files(text: str) -> tuple[Path, ...]:
    """The user's files of a toolchain: the file, and the folder of its own images, which need not exist."""
    return (Path(text), Path(text).parent / PINS) if is_file(text) else ()


def read(text: str) -> tuple[ToolchainFile, list[Path]]:
    """The content of a toolchain's file, and the folders where pins of images are looked for; errors as `load`."""
    file = _file(text)
    own = [file.parent / PINS] if is_file(text) else []
    return files.read(file, ToolchainFile), [*own, folders.IMAGES / PINS]


def _file(text: str) -> Path:
    if is_file(text):
        return existing_file(Path(text))
    if text in names():
        return folders.IMAGES / "toolchains" / f"{text}{SUFFIX}"
    raise UsageError(
        f"there is no toolchain {text!r}", hint=f"there are {', '.join(names())}; or give a file like ./mine{SUFFIX}"
    )


def load(text: str = DEFAULT) -> Toolchain:
    """The toolchain of a name or a file; ``pins/<image>/`` beside the file may have images of its own.

    Those that pinlite brings are read once in a process: they have hundreds of files.

    Raises:
        UsageError: It does not exist, or one of its files is wrong; the message says where.
    """
    return _loaded(text) if is_file(text) else _own(text, folders.IMAGES)


def read_anew() -> None:
    """Have those that pinlite brings read again: their files have changed."""
    _own.cache_clear()
    images.files_of.cache_clear()


@functools.cache
def _own(text: str, _images: Path) -> Toolchain:
    return _loaded(text)


def _loaded(text: str) -> Toolchain:
    file, (said, pins), known = _file(text), read(text), bases.load()
    recipes = {role: images.load(name, pins, known) for role, name in said.images.items()}
    recipes |= {row.image: images.load(row.image, pins, known) for row in said.runtimes}
    interpreters = tuple(_runtime(row, recipes[row.image], file) for row in said.runtimes)
    _check_told_apart(said, interpreters, file)
    brought = targets.load()
    every = brought | targets.of(said.targets, brought)
    if said.target not in every:
        raise UsageError(f"{file}: unknown target {said.target!r}", hint=f"known: {', '.join(every)}")
    return Toolchain(
        name=file.stem,
        text=text,
        description=said.description,
        file=file,
        images=recipes,
        runtimes=interpreters,
        opsets=said.opsets,
        lowerings=said.lowerings,
        target=every[said.target],
        targets=every,
        date=said.date,
    )


def with_target(chosen: Toolchain, name: str) -> Toolchain:
    """The toolchain with the runtimes that one of its targets brings, before its own, and its compiler; errors as
    `load`.
    """
    target = chosen.targets[name]
    if not target.images:
        return chosen
    return _extended(chosen, target.images, target.runtimes)


def with_runtimes(chosen: Toolchain, names: Iterable[str]) -> Toolchain:
    """The toolchain with runtimes of ``images/runtimes.toml``, before its own; errors as `load`."""
    known = runtimes.added()
    rows = [known[name] for name in names]
    return _extended(chosen, [row.image for row in rows], rows, added=True) if rows else chosen


def _extended(
    chosen: Toolchain, brought: Iterable[str], rows: Iterable[RuntimeRow], *, added: bool = False
) -> Toolchain:
    (said, pins), known = read(chosen.text), bases.load()
    recipes = {image: images.load(image, pins, known) for image in brought}
    found = tuple(replace(_runtime(row, recipes[row.image], chosen.file), added=added) for row in rows)
    every = (*found, *chosen.runtimes)
    _check_told_apart(said, every, chosen.file)
    return replace(chosen, images={**chosen.images, **recipes}, runtimes=every)


def _check_told_apart(said: ToolchainFile, every: Sequence[Runtime], file: Path) -> None:
    """Refuse equal names: of two runtimes in a report, and of a runtime's image and a role."""
    names = [runtime.name for runtime in every]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{file}: two runtimes are {name}", hint="remove one of them")
    for runtime in every:
        served = said.images.get(runtime.image, runtime.image)
        if served != runtime.image:
            raise UsageError(
                f"{file}: a runtime has the image {runtime.image}, but [images] says that {runtime.image} is {served}",
                hint="rename the runtime's image",
            )


def _runtime(row: RuntimeRow, recipe: ImageRecipe, file: Path) -> Runtime:
    if f"{row.program.replace('.', '/')}.py" not in recipe.programs:
        raise UsageError(f"{file}: the image {row.image} has no program {row.program}", hint="e.g. tflite_run.infer")
    version = recipe.versions.get(normalized(row.package))
    if version is None:
        raise UsageError(
            f"{file}: the image {row.image} has no package {row.package}",
            hint="name the package that contains the interpreter",
        )
    platform = recipe.base.platform
    return Runtime(row.image, row.program, row.package, version, row.select_tf, row.runs, row.arena, platform=platform)
