"""What is converted, with which techniques, and what has to come of it: matrix.toml, as objects."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

from pinlite.schema.choices import VariantName
from pinlite.toolchain import NEEDS

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("matrix.toml")
# Those that every target has.
VARIANTS: tuple[VariantName, ...] = tuple(name for name in get_args(VariantName) if name not in NEEDS)

CONVERTED, DIFFERS = "converted", "differs"

# The keys of a model that are files of the repository, and those of its functions that a technique asks for.
_FILES = ("source", "weights", "data", "calibration", "evaluate")
_FUNCTIONS = ("finetune", "qat")


@dataclass(frozen=True)
class Run:
    """One conversion to all variants: ``options`` are those of `pinlite.convert`."""

    model: str
    technique: str
    options: dict[str, Any]


@dataclass(frozen=True)
class Exemption:
    """What ends otherwise than converted, by patterns of names: refused by a stage (``ends``), or `DIFFERS`."""

    model: str
    technique: str
    variant: str
    ends: str
    because: str

    def fits(self, *names: str) -> bool:
        return all(map(fnmatchcase, names, (self.model, self.technique, self.variant)))


def runs() -> list[Run]:
    """Every run, in the file's order."""
    content = tomllib.loads(FILE.read_text())
    return [
        Run(model["name"], name, _options(model, technique))
        for model in content["model"]
        for name, technique in content["techniques"].items()
    ]


def exemptions() -> list[Exemption]:
    return [Exemption(**entry) for entry in tomllib.loads(FILE.read_text())["exemption"]]


def exemption(model: str, technique: str, variant: str) -> Exemption | None:
    return next((each for each in exemptions() if each.fits(model, technique, variant)), None)


def expected(model: str, technique: str, variant: str) -> str:
    """`CONVERTED`, `DIFFERS`, or the stage that has to refuse it."""
    found = exemption(model, technique, variant)
    return found.ends if found else CONVERTED


def _options(model: dict[str, Any], technique: dict[str, Any]) -> dict[str, Any]:
    functions = {name: str(ROOT / model[name]) for name in _FUNCTIONS if technique.get(name) and name in model}
    files = {name: str(ROOT / model[name]) for name in _FILES if name in model}
    settings = {name: value for name, value in technique.items() if name not in _FUNCTIONS}
    defaults = {"calibration": "random", "inputs": model["inputs"], "variants": VARIANTS}
    return {**defaults, **settings, **files, **functions}
