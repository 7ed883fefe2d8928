"""The packages of npm that an image has beside those of Python: ``package-lock.json`` as npm writes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, ValidationError

from pinlite.schema.frozen import Frozen

REQUIREMENTS, LOCK = "package.json", "package-lock.json"
# Where packages lie below what has them, as npm lays them out.
FOLDER = "node_modules"


@dataclass(frozen=True)
class NpmPackage:
    """A package; ``integrity`` is the hash of its file in the words of Subresource Integrity: sha512-BASE64."""

    name: str
    version: str
    integrity: str

    @property
    def filename(self) -> str:
        """What npm calls its file."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


class _Entry(Frozen, extra="ignore"):
    version: str = Field(pattern=r"^[0-9A-Za-z.+-]+$")
    integrity: str = Field(pattern=r"^sha512-[0-9A-Za-z+/]{86}==$")


def packages(lock: bytes) -> Mapping[str, NpmPackage]:
    """The packages of a lock by name; none of an empty one. A ValueError where it is none of npm's, or has a package
    that no hash tells.
    """
    if not lock:
        return {}
    try:
        entries = {place: entry for place, entry in json.loads(lock)["packages"].items() if place}
        known = {place: _Entry.model_validate(entry) for place, entry in entries.items()}
    except (KeyError, TypeError, AttributeError, ValidationError) as error:
        raise ValueError(f"{LOCK} is not as npm writes it: {error}") from error
    names = {place: place.removeprefix(f"{FOLDER}/") for place in known}
    if nested := [place for place, name in names.items() if FOLDER in name or place == name]:
        raise ValueError(f"{LOCK} has several versions of a package: {', '.join(nested)}")
    return {name: NpmPackage(name, known[place].version, known[place].integrity) for place, name in names.items()}
