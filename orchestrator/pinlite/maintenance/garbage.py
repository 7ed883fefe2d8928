"""Finding and removing images that no toolchain names any more, and packages that no image needs."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinlite import toolchain
from pinlite.engine import Engine, Image, present, usage
from pinlite.engine.wheels import Pins, WheelCache
from pinlite.errors import ImageError
from pinlite.machine import folders
from pinlite.toolchain import ImageRecipe

_DAY = 24 * 3600


@dataclass(frozen=True)
class Garbage:
    """``images`` of an engine, those before that stand on others; ``parts`` that builds which failed have left; and the
    files of ``packages``.
    """

    images: tuple[Image, ...]
    parts: tuple[Image, ...]
    packages: tuple[Path, ...]


@contextlib.contextmanager
def found(engine: Engine, own: Sequence[str], *, keep_days: float) -> Iterator[Garbage]:
    """What may go of an engine; nobody makes images with these packages meanwhile.

    The images of today's recipes stay, and those of ``own``, toolchains of the user's by their files; and what adds
    ``--with`` to one of them, if it was used within ``keep_days``.
    """
    recipes = [recipe for name in own for recipe in toolchain.load(name).recipes] + [*toolchain.every_recipe()]
    with WheelCache().collecting():
        oldest = time.time() - keep_days * _DAY
        used = [image for image in _found(engine, _adding(recipes)) if usage.last(engine.name, image) >= oldest]
        stays = {image.reference for image in (*_found(engine, recipes), *used)}
        images = engine.images()
        going = tuple(image for image in reversed(images) if image.reference not in stays)
        needed = {Pins.of(recipe).key for recipe in recipes}
        needed |= {Pins(recipe.base.name, recipe.base.lock, recipe.base).key for recipe in recipes}
        needed |= {image.lock for image in (*images, *_others(engine)) if image not in going}
        yield Garbage(going, tuple(engine.parts()), tuple(WheelCache().unused(needed)))


def remove(engine: Engine, garbage: Garbage, kept: list[ImageError]) -> Iterator[str]:
    """Remove it piece by piece; each is told by what it is, when it is gone. ``kept`` gets what is in use."""
    for image in (*garbage.images, *garbage.parts):
        try:
            engine.remove_image(image)
        except ImageError as error:
            kept.append(error)
            continue
        usage.forget(engine.name, image)
        yield f"image {image.reference}"
    for path in garbage.packages:
        path.unlink()
        yield f"file {path}"
        with contextlib.suppress(OSError):  # others are in it, too
            path.parent.rmdir()


def _found(engine: Engine, recipes: Iterable[ImageRecipe]) -> list[Image]:
    """Those that are there; one by one, for those of several toolchains may have one name."""
    return [image for recipe in recipes for image in engine.find([recipe]).values()]


def _adding(recipes: Iterable[ImageRecipe]) -> Iterator[ImageRecipe]:
    """What ``--with`` can have made of the recipes: what it asks for is locked once, and kept."""
    for file in sorted((folders.cache() / "locks").glob("*.lock")):
        lock = file.read_bytes()
        for recipe in recipes:
            added = toolchain.with_requirements(recipe, lock)
            if recipe.versions.items() <= added.versions.items():
                yield added


def _others(engine: Engine) -> list[Image]:
    """The images of the other engines that are there."""
    return [image for other in present() if other.name != engine.name for image in other.images()]
