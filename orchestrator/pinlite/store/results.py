"""Reading what a finished conversion has left."""

from pathlib import Path

from pydantic import ValidationError

from pinlite.errors import UsageError
from pinlite.inputs import paths
from pinlite.schema.report import Report
from pinlite.store.output import REPORT

_CONVERTED = "give a folder that `pinlite convert` has written"


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
