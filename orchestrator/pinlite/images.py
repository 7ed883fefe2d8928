"""Image recipes on disk: what goes into an image, and the identity that follows from it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pinlite import digest, folders

PLATFORM = "linux/amd64"

_WITH = "-with"


@dataclass(frozen=True)
class Base:
    """What every image stands on: the public Python image by digest, or the equal one that ``make base`` makes."""

    reference: str
    digest: str
    local: str

    @property
    def pinned(self) -> str:
        return f"{self.reference.partition(':')[0]}@{self.digest}"


@dataclass(frozen=True)
class ImageRecipe:
    """One image as data. ``files`` is its build context by name; ``parent`` is the image it is layered on."""

    name: str
    files: Mapping[str, bytes] = field(repr=False)
    parent: "ImageRecipe | None" = None

    @property
    def lock(self) -> bytes:
        """The hashed requirements: all that the image's environment holds."""
        return self.files["requirements.lock"]

    @property
    def programs(self) -> Mapping[str, bytes]:
        """The stage programs and stagekit; an image that adds only packages runs its parent's."""
        own = {name: data for name, data in self.files.items() if name.endswith(".py")}
        return own or (self.parent.programs if self.parent else {})

    @property
    def wheels_only(self) -> bool:
        """Whether its packages are a user's choice: building one of them would run its code."""
        return self.name.endswith(_WITH)

    @cached_property
    def _digests(self) -> dict[str, str]:
        return {name: digest.of_bytes(data) for name, data in self.files.items()}

    def identity(self, base: str) -> str:
        """sha256 over everything that decides what the image does. ``base`` identifies what the first image is on."""
        below = self.parent.identity(base) if self.parent else base
        return digest.of_json({"files": self._digests, "from": below, "platform": PLATFORM})


def base() -> Base:
    return Base(**tomllib.loads((folders.IMAGES / "base" / "base.toml").read_text())["base"])


def base_lock() -> bytes:
    """The hashed requirements of what the base itself brings: pip and its like."""
    return (folders.IMAGES / "base" / "requirements.lock").read_bytes()


def local_base_identity() -> str:
    """What ``images/base/build.sh`` labels its image with: another base when anything that makes it is another."""
    made_from = (folders.IMAGES / "base" / name for name in ("base.toml", "build.sh", "requirements.lock"))
    return f"sha256:{digest.of_bytes(b''.join(path.read_bytes() for path in made_from))}"


def toolchain() -> dict[str, ImageRecipe]:
    """The images of a run, parents before children, as ``toolchain.toml`` names them."""
    recipes: dict[str, ImageRecipe] = {}
    for name, entry in tomllib.loads((folders.IMAGES / "toolchain.toml").read_text())["images"].items():
        parent = entry.get("from")
        recipes[name] = ImageRecipe(name, _context(name), recipes[parent] if parent else None)
    return recipes


def with_requirements(parent: ImageRecipe, lock: bytes) -> ImageRecipe:
    """The image that adds a model's own packages to a stage's image. ``lock`` holds the parent's packages too."""
    dockerfile = (folders.IMAGES / "with" / "Dockerfile").read_bytes()
    return ImageRecipe(f"{parent.name}{_WITH}", {"Dockerfile": dockerfile, "requirements.lock": lock}, parent)


def _context(name: str) -> dict[str, bytes]:
    folder = folders.IMAGES / name
    files = {path.relative_to(folder).as_posix(): path for path in digest.files_below(folder)}
    files.pop("requirements.in")
    files |= {
        path.relative_to(folders.IMAGES).as_posix(): path for path in digest.files_below(folders.IMAGES / "stagekit")
    }
    return {name: path.read_bytes() for name, path in sorted(files.items())}
