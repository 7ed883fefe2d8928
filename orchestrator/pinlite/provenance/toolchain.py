"""The images of a run, and what they stand on."""

from dataclasses import dataclass
from functools import cached_property

from pinlite import images
from pinlite.images import ImageRecipe


@dataclass(frozen=True)
class UsedImage:
    """An image that a run had, by its recipe and identity. ``id`` is Docker's own, where the image is one of Docker's.

    That one carries times: another build of the same recipe has another.
    """

    recipe: ImageRecipe
    identity: str
    id: str = ""


@dataclass(frozen=True)
class UsedBase:
    """What the images stand on. ``sha256`` is the digest of the public one, of the local one that of its recipe."""

    reference: str
    sha256: str
    public: bool


@dataclass(frozen=True)
class Toolchain:
    """All images of a run, and the version of the CPython in them."""

    used: tuple[UsedImage, ...]
    python: str

    @cached_property
    def base(self) -> UsedBase | None:
        """Told by the identity that follows from it; None where the interpreter is this machine's own."""
        public, local = images.base(), images.local_base_identity()
        first = self.used[0]
        for reference, digest in ((public.reference, public.digest), (public.local, local)):
            if first.recipe.identity(digest) == first.identity:
                return UsedBase(reference, digest.removeprefix("sha256:"), public=digest == public.digest)
        return None
