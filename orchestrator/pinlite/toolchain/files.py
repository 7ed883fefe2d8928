"""Reading the TOML that says what a toolchain is made of."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from pinlite.errors import UsageError
from pinlite.schema.frozen import Frozen

FileT = TypeVar("FileT", bound=Frozen)

_UNKNOWN = "extra_forbidden"
_SHOWN = "docs/toolchains.md shows what such a file is like"


def read(file: Path, form: type[FileT]) -> FileT:
    """What a file says; a UsageError names the key that is wrong or missing."""
    try:
        return form.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is no TOML: {error}", hint=_SHOWN) from error
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}", hint="check the path") from error
    except ValidationError as error:
        # A key that is not known is often one that is missing, misspelt.
        first = min(error.errors(), key=lambda each: each["type"] != _UNKNOWN)
        key = ".".join(map(str, first["loc"]))
        if first["type"] == _UNKNOWN:
            raise UsageError(f"{file}: unknown key {key!r}", hint=f"known: {', '.join(_keys(form))}") from None
        raise UsageError(f"{file}: {key}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=_SHOWN) from None


def _keys(form: type[Frozen]) -> list[str]:
    return [field.alias or name for name, field in form.model_fields.items()]
