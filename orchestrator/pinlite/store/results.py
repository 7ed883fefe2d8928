"""Reading what a finished conversion has left."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pinlite.errors import UsageError
from pinlite.inputs import paths
from pinlite.schema.choices import VariantName
from pinlite.schema.debug import DebugReport
from pinlite.schema.operators import ConversionOperators
from pinlite.schema.report import Report
from pinlite.store.output import DEBUGGED, OPERATORS, REPORT

Model = TypeVar("Model", bound=BaseModel)

_CONVERTED = "give a folder that `pinlite convert` has written"


@dataclass(frozen=True)
class Kept:
    """What a folder has beside its report: the ``operators`` of each file, where it was made by a version that lists
    them, by signature, which is "" where a file has no other; and what `pinlite debug` has found, by variant.
    """

    operators: Mapping[str, ConversionOperators]
    debugged: Mapping[VariantName, DebugReport]


def kept(folder: Path) -> Kept:
    """What is there and of this version; what is not is left out."""
    found = {variant: _read(DebugReport, folder / name) for variant, name in DEBUGGED.items()}
    places = {"": folder / OPERATORS} | {each.parent.name: each for each in sorted(folder.glob(f"*/{OPERATORS}"))}
    listed = {name: _read(ConversionOperators, place) for name, place in places.items()}
    return Kept(
        operators={name: each for name, each in listed.items() if each is not None},
        debugged={variant: each for variant, each in found.items() if each is not None},
    )


def _read(model: type[Model], file: Path) -> Model | None:
    try:
        return model.model_validate_json(file.read_bytes()) if file.is_file() else None
    except (OSError, ValidationError):
        return None


def report(given: Path) -> Report:
    """The report of a conversion, by its output folder or its report.json.

    Raises:
        UsageError: There is none, it can't be read, or it is of another version.
    """
    file = given / REPORT if given.is_dir() else given
    if file.name != REPORT or not file.exists():
        raise UsageError(f"{given} is no result of a conversion: it has no {REPORT}", hint=_CONVERTED)
    try:
        return Report.model_validate_json(paths.existing_file(file).read_bytes())
    except ValidationError as error:
        raise UsageError(f"{file} is no report of this version", hint=_CONVERTED) from error
