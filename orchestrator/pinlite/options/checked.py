"""Options as they are given, checked one by one against their declaration."""

import difflib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pinlite.errors import UsageError
from pinlite.inputs import paths
from pinlite.options.option import Option, fields

Declaration = TypeVar("Declaration")


def checked(
    declaration: type[Declaration], given: Mapping[str, Any], files: Mapping[str, Path | str] | None = None
) -> Declaration:
    """What is ``given`` by key, by its names in Python, with the defaults of what is not given.

    ``files`` has the keys that a file gave, or a part of one in words.

    Raises:
        UsageError: A key is unknown, or a value is no text or not what its declaration takes.
    """
    paths.check_text(given.values())
    try:
        found = model(cast("type", declaration)).model_validate(given)
    except ValidationError as error:
        raise _explained(error, declaration, files or {}) from None
    return cast("Declaration", {name: value for name, value in found if value is not None})


@cache
def model(declaration: type) -> type[BaseModel]:
    """What checks a declaration's options by their keys, as pinlite.toml has them."""
    wanted: dict[str, Any] = {}
    for field in fields(declaration):
        if isinstance(option := field.declared, Option):
            checks = {name: getattr(option, name) for name in ("ge", "gt", "le", "lt")}
            if field.written is float:
                checks["allow_inf_nan"] = False
            described = Field(
                default=list(option.default) if isinstance(option.default, tuple) else option.default,
                alias=field.key,
                description=option.help + (f" Default: {option.otherwise}." if option.otherwise else ""),
                json_schema_extra={"items": {"type": "string", "enum": list(field.words)}} if field.words else None,
                **checks,
            )
            wanted[field.name] = (field.written, described)
    config = ConfigDict(frozen=True, extra="forbid", strict=True)
    return create_model(declaration.__name__, __config__=config, **wanted)


def keyed(declaration: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options by their names in Python, as pinlite.toml has them: by key, in text, numbers and lists of text."""
    known = {field.name: field for field in fields(declaration)}
    found = {}
    for name, value in given.items():
        field = known.get(name)
        if value is not None:
            found[field.key if field else name.replace("_", "-")] = _written(
                value, several=field is not None and field.written == list[str]
            )
    return found


def _written(value: Any, *, several: bool) -> Any:
    if isinstance(value, Mapping):
        return [f"{name}={each}" for name, each in value.items()]
    if several and isinstance(value, str | os.PathLike):
        return [os.fspath(value)]
    if several and isinstance(value, Iterable):
        return [_written(each, several=False) for each in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _explained(error: ValidationError, declaration: type, files: Mapping[str, Path | str]) -> UsageError:
    """The first thing that is wrong, in the words of the command line, or of the file that said it."""
    first = error.errors()[0]
    key = str(first["loc"][0])
    known = [field.key for field in fields(declaration) if isinstance(field.declared, Option)]
    where = f"{files[key]}: " if key in files else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known, n=1)
        return UsageError(
            f"{where}unknown key {key!r}", hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        )
    name = key if key in files else f"--{key}"
    return UsageError(
        f"{where}{name} = {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}",
        hint="--help says what each option takes; the keys of pinlite.toml have the same names",
    )
