"""Versions as values: bases, images, runtimes, targets, and the toolchains that are made of them.

All of it is read from ``images/`` and from files that ``--toolchain`` names. Nothing here knows stages, engines or
recipes. May import `pinlite.inputs` and what that may import.
"""

from pinlite.toolchain.bases import Base
from pinlite.toolchain.environments import with_environment
from pinlite.toolchain.images import ImageRecipe, with_requirements
from pinlite.toolchain.runtimes import AddedRow, Runtime, added
from pinlite.toolchain.targets import NEEDS, Compiler, Target
from pinlite.toolchain.toolchains import (
    ADAPT,
    DEFAULT,
    METADATA,
    Toolchain,
    brought_recipes,
    every_recipe,
    is_file,
    load,
    names,
    own_files,
    with_runtimes,
    with_target,
)

__all__ = [
    "ADAPT",
    "DEFAULT",
    "METADATA",
    "NEEDS",
    "AddedRow",
    "Base",
    "Compiler",
    "ImageRecipe",
    "Runtime",
    "Target",
    "Toolchain",
    "added",
    "brought_recipes",
    "every_recipe",
    "is_file",
    "load",
    "names",
    "own_files",
    "with_environment",
    "with_requirements",
    "with_runtimes",
    "with_target",
]
