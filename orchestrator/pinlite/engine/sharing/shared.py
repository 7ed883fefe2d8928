"""Where images are pulled from before any is built, and doing so."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pinlite.engine.protocol import Engine, Image
from pinlite.errors import ImageError, RegistryError, TamperedError, UsageError
from pinlite.events import Notice, Observer
from pinlite.registry import Reference
from pinlite.toolchain import ImageRecipe

VARIABLE = "PINLITE_IMAGES"


@dataclass(frozen=True)
class SharedImages:
    """A repository of images; ``trust_keys`` are files of the public keys of those who may sign them."""

    reference: Reference
    trust_keys: tuple[Path, ...]

    @classmethod
    def chosen(cls, given: str = "", trust_keys: Iterable[Path] = ()) -> Self | None:
        """What is given by options, or else by the environment; None where neither names a repository.

        Raises:
            UsageError: It is no reference, or nobody is trusted.
        """
        named = given or os.environ.get(VARIABLE, "")
        if not named:
            return None
        from pinlite.trust import keys  # noqa: PLC0415  # imports cryptography

        files = keys.trusted_files(trust_keys)
        if not files:
            raise UsageError(
                f"images are to be pulled from {named}, but nobody who may sign them is trusted",
                hint=f"name the public key of who pushes them with --trust-key or {keys.TRUSTED}",
            )
        return cls(Reference.parse(named), files)


def ensured(
    engine: Engine, recipes: Iterable[ImageRecipe], shared: SharedImages | None, observe: Observer
) -> dict[str, Image]:
    """All of the images, by name: those that are missing are pulled, or, where that can't be, made. Why they can't be
    pulled is told.

    Raises:
        ImageError: One can't be made.
        UsageError: A key is none.
    """
    recipes = list(recipes)
    if shared is not None:
        found = engine.find(recipes)
        missing = [recipe for recipe in recipes if recipe.name not in found]
        if missing:
            _pulled(engine, recipes, missing, shared, observe)
    return engine.ensure(recipes, observe)


def _pulled(
    engine: Engine, recipes: list[ImageRecipe], missing: list[ImageRecipe], shared: SharedImages, observe: Observer
) -> None:
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography

    try:
        lacking = exchange.pull(engine, recipes if engine.carrier else missing, shared, observe)
    except (RegistryError, TamperedError, ImageError) as error:
        observe(Notice(f"images are not pulled from {shared.reference}: {error.message}; they are made here"))
        return
    if lacking:
        observe(Notice(f"{shared.reference} has no image of {', '.join(lacking)} for this version: made here"))
