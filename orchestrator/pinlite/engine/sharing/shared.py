"""Where images are pulled from before any is built, and doing so."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pinlite.engine.protocol import Engine, Image
from pinlite.engine.sharing import transfers
from pinlite.errors import ImageError, RegistryError, TamperedError
from pinlite.events import Notice, Observer
from pinlite.machine import guards
from pinlite.registry import Reference
from pinlite.toolchain import ImageRecipe

VARIABLE = "PINLITE_IMAGES"
NOBODY = "you have named no key of who may sign images"
HOW = "by --trust-key PUBLIC.pem on the command line, or PINLITE_TRUST_KEY"


@dataclass(frozen=True)
class SharedImages:
    """A repository of images; ``trust_keys`` are files of the public keys of those who may sign them.

    What has come is used by every later run on this machine, whatever it trusts. So keys for images are the user's own
    to name: a pinlite.toml, which may be a stranger's, can name the repository alone.
    """

    reference: Reference
    trust_keys: tuple[Path, ...]

    @classmethod
    def chosen(cls, given: str = "", trust_keys: Iterable[Path] = ()) -> Self | None:
        """What is given by options, or else by the environment; None where neither names a repository. A UsageError
        says that it is no reference.
        """
        named = given or os.environ.get(VARIABLE, "")
        if not named:
            return None
        return cls(Reference.parse(named), tuple(trust_keys))

    @property
    def keys(self) -> tuple[Path, ...]:
        """The files of keys that are given, or else named by the environment."""
        from pinlite.trust import keys  # noqa: PLC0415  # imports cryptography

        return keys.trusted_files(self.trust_keys)


def ensured(
    engine: Engine, recipes: Iterable[ImageRecipe], shared: SharedImages | None, observe: Observer
) -> dict[str, Image]:
    """All of the images, by name: those that are missing are pulled from ``shared``, or from what the environment
    names, or, where that can't be, made. Why they can't be pulled is told.

    Raises:
        ImageError: One can't be made.
        UsageError: A key is none.
    """
    recipes = list(recipes)
    shared = shared or SharedImages.chosen()
    if shared and len(engine.find(recipes)) < len(recipes):
        _pull(engine, recipes, shared, observe)
    return engine.ensure(recipes, observe)


def _pull(engine: Engine, recipes: list[ImageRecipe], shared: SharedImages, observe: Observer) -> None:
    from pinlite.engine.sharing import exchange  # noqa: PLC0415  # imports requests and cryptography

    if not shared.keys:
        observe(Notice(f"images are not pulled from {shared.reference}, but made here: {NOBODY}, {HOW}"))
        return
    try:
        # Another run may be at it: what has come once need not come twice.
        with guards.held(transfers.half_moved().with_suffix(".guard")):
            found = engine.find(recipes)
            missing = [recipe for recipe in recipes if recipe.name not in found]
            wanted = recipes if engine.carrier else missing
            lacking = exchange.pull(engine, wanted, shared, observe) if missing else []
    except (RegistryError, TamperedError, ImageError) as error:
        why = error.message
    except OSError as error:
        why = f"{error.filename}: {error.strerror}"
    else:
        why = f"it has none of {', '.join(lacking)} that fits this version" if lacking else ""
    if why:
        observe(Notice(f"images are not pulled from {shared.reference}, but made here: {why}"))
