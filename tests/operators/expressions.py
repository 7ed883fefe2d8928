"""Which probes there are: probes.toml, as objects."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "probes.toml"


@dataclass(frozen=True)
class Probe:
    """One conversion. ``refused`` names the stage that has to refuse it, if one has to."""

    title: str
    code: str
    inputs: tuple[str, ...]
    images: bool
    signed: bool
    refused: str | None


def load() -> list[Probe]:
    """Every probe, in the file's order."""
    return [
        Probe(
            title=family["title"],
            code=code,
            inputs=tuple(family["inputs"]),
            images=family.get("images", False),
            signed=family.get("signed", False),
            refused=family.get("refused"),
        )
        for family in tomllib.loads(FILE.read_text())["family"]
        for code in family["probes"]
    ]
