"""The images of a toolchain, as the tests want them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pinlite import toolchain
from pinlite.engine import Engine, Image
from pinlite.events import ignore
from pinlite.toolchain import ImageRecipe


def adding(recipe: ImageRecipe, name: str, programs: Mapping[str, Path]) -> ImageRecipe:
    """An image of this name with programs of the tests' own beside a recipe's, by their module's path."""
    files = {f"programs/{path}": file.read_bytes() for path, file in programs.items()}
    return replace(recipe, name=name, files={**recipe.files, **files})


def from_pytorch() -> tuple[ImageRecipe, ...]:
    """The images that a conversion of a PyTorch model takes, by the default toolchain."""
    chosen = toolchain.load()
    others = [chosen.images[role] for role in (toolchain.ADAPT, toolchain.METADATA)]
    return tuple(recipe for recipe in chosen.recipes if recipe not in others)


def ensured(engine: Engine, name: str = toolchain.DEFAULT) -> dict[str, Image]:
    """All images of a toolchain, by what stages call them."""
    chosen = toolchain.load(name)
    found = engine.ensure(chosen.recipes, ignore)
    return {role: found[recipe.name] for role, recipe in chosen.images.items()}
