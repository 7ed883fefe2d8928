"""The images of a run, and their bases."""

from dataclasses import dataclass, field
from functools import cached_property

from pinlite.toolchain import ImageRecipe


@dataclass(frozen=True)
class UsedImage:
    """An image that a run had, by its recipe and identity, and the versions of its CPython and of its ``browser``.
    ``id`` is Docker's own, where the image is one of Docker's; ``emulator`` is what took the place of the processor
    that it is for.

    That one carries times: another build of the same recipe has another.
    """

    recipe: ImageRecipe
    identity: str
    python: str
    id: str = ""
    browser: str = ""
    emulator: str = ""

    @cached_property
    def base(self) -> "UsedBase | None":
        """Told by the identity that follows from it; None where the interpreter is this machine's own."""
        if self.recipe.interpreter:
            return None
        base = self.recipe.base
        for reference, digest in ((base.reference, base.digest), (base.local, base.local_identity)):
            if digest and self.recipe.identity(base.with_browser(digest, self.browser)) == self.identity:
                return UsedBase(base.name, reference, digest.removeprefix("sha256:"), digest == base.digest, base.lock)
        return None


@dataclass(frozen=True)
class UsedBase:
    """What an image stands on. ``sha256`` is the digest of the public one, of the local one that of its recipe;
    ``lock`` has what is beside CPython.
    """

    name: str
    reference: str
    sha256: str
    public: bool
    lock: bytes = field(repr=False)
