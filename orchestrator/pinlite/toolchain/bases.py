"""Bases: the Python images that other images are built on, public or made by ``pinlite images base``."""

import tomllib
from dataclasses import asdict, dataclass, field

from pinlite import digest
from pinlite.machine import folders

# What `pinlite images base` runs, below images/.
SCRIPT = "base.sh"
_USUAL = "linux/amd64"


@dataclass(frozen=True)
class Base:
    """A row of ``images/bases.toml``. ``python`` is a version like 3.8; ``wheels`` is uv's name of the platform that
    packages are chosen for; ``packages`` are Debian's; ``lock`` has the hashed Python packages that come with CPython,
    like pip. Without a ``reference`` there is no public one. ``browser`` is the package of a browser, which Debian
    replaces every week: what stands on the base has its version in its identity.
    """

    name: str
    python: str
    platform: str
    wheels: str
    local: str
    debian: str
    packages: tuple[str, ...]
    lock: bytes = field(repr=False)
    reference: str = ""
    digest: str = ""
    browser: str = ""

    @property
    def is_usual(self) -> bool:
        """Whether toolchains stand on it, and not what a user adds by name."""
        return bool(self.reference) and self.platform == _USUAL

    @property
    def pinned(self) -> str:
        return f"{self.reference.partition(':')[0]}@{self.digest}"

    def with_browser(self, identity: str, version: str) -> str:
        """The identity of the base as it is somewhere, where its browser has a version; as it is without a browser."""
        return f"{identity}+{self.browser}-{version}" if self.browser else identity

    @property
    def local_identity(self) -> str:
        """The label of the image of ``pinlite images base``: the sha256 of everything that makes it."""
        said = {key: value for key, value in asdict(self).items() if value}
        row = said | {"lock": digest.of_bytes(self.lock), "script": digest.of_file(folders.IMAGES / SCRIPT)}
        return f"sha256:{digest.of_json(row)}"


def command(base: Base) -> str:
    """What builds the local one."""
    return "pinlite images base" + ("" if base.is_usual else f" {base.name}")


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
