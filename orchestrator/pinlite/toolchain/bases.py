"""Bases: the Python images that other images are built on, public or made by ``pinlite images base``."""

import tomllib
from dataclasses import asdict, dataclass, field

from pinlite import digest
from pinlite.machine import folders, processor

# What `pinlite images base` runs, below images/.
SCRIPT = "base.sh"


@dataclass(frozen=True)
class Base:
    """A row of ``images/bases.toml``. ``python`` is a version like 3.8; ``wheels`` is uv's name of the platform that
    packages are chosen for; ``packages`` are Debian's; ``lock`` has the hashed Python packages that come with CPython,
    like pip.
    """

    name: str
    python: str
    reference: str
    digest: str
    platform: str
    wheels: str
    local: str
    debian: str
    packages: tuple[str, ...]
    lock: bytes = field(repr=False)

    @property
    def pinned(self) -> str:
        return f"{self.reference.partition(':')[0]}@{self.digest}"

    @property
    def local_identity(self) -> str:
        """The label of the image of ``pinlite images base``: the sha256 of everything that makes it."""
        row = asdict(self) | {"lock": digest.of_bytes(self.lock), "script": digest.of_file(folders.IMAGES / SCRIPT)}
        return f"sha256:{digest.of_json(row)}"


def command(base: Base) -> str:
    """What builds the local one."""
    _, _, arch = base.platform.partition("/")
    return "pinlite images base" + (f" --arch {arch}" if base.platform != processor.platform() else "")


def load() -> dict[str, Base]:
    """All bases, by name."""
    rows = tomllib.loads((folders.IMAGES / "bases.toml").read_text())
    return {
        name: Base(
            **(row | {"name": name, "packages": tuple(row["packages"])}),
            lock=(folders.IMAGES / "pins" / name / "requirements.lock").read_bytes(),
        )
        for name, row in rows.items()
    }


def of_platform(platform: str) -> tuple[Base, ...]:
    """Those for a platform, as Docker calls it."""
    return tuple(base for base in load().values() if base.platform == platform)
