"""Reading the TOML files of toolchains, images and targets."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from pinlite.errors import UsageError
from pinlite.schema.frozen import Frozen

FileT = TypeVar("FileT", bound=Frozen)

_UNKNOWN = "extra_forbidden"
_SHOWN = "https://github.com/pinlite/pinlite/blob/main/docs/toolchains.md shows such a file"


def read(file: Path, form: type[FileT]) -> FileT:
    """The content of a file, checked; a UsageError names the key that is wrong or missing."""
    try:
        return form.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML: {error}", hint=_SHOWN) from error
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}", hint="check the path") from error
    except ValidationError as error:
        # An unknown key is often the misspelt name of a missing one.
        first = min(error.errors(), key=lambda each: each["type"] != _UNKNOWN)
        key = ".".join(map(str, first["loc"]))
        if first["type"] == _UNKNOWN:
            raise UsageError(f"{file}: unknown key {key!r}", hint=f"known: {', '.join(_keys(form))}") from None
        raise UsageError(f"{file}: {key}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=_SHOWN) from None


def _keys(form: type[Frozen]) -> list[str]:
    return [field.alias or name for name, field in form.model_fields.items()]
