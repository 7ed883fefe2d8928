"""models.toml: models by their options, with defaults that they share."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from pinlite import options
from pinlite.errors import UsageError
from pinlite.inputs.paths import existing_file
from pinlite.options.checked import model
from pinlite.options.declared import ModelSettings
from pinlite.schema.choices import VariantName
from pinlite.schema.frozen import Frozen

FILE = "models.toml"

_FORM = 'e.g. [[model]] with source = "zoo/*.onnx" in it; `pinlite schema models` has all of the form'


class Matrix(Frozen):
    """Each model once for every combination. An entry of ``variant`` is a kind of file, or several that are made by one
    conversion.
    """

    target: tuple[str, ...] = ()
    toolchain: tuple[str, ...] = ()
    variant: tuple[VariantName | tuple[VariantName, ...], ...] = ()

    def combinations(self) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
        """What each combination is called, part by part, and its options."""
        found: list[tuple[tuple[str, ...], dict[str, Any]]] = [((), {})]
        for key in ("toolchain", "target", "variant"):
            entries = getattr(self, key)
            found = [
                ((*words, _called(entry)), {**chosen, key: _as_option(entry, key)})
                for words, chosen in found
                for entry in entries
            ] or found
        yield from found


@dataclass(frozen=True)
class Entry:
    """A ``[[model]]``: its options under their keys, those that all share among them. ``name`` is "" where it is called
    by its source.
    """

    name: str
    settings: Mapping[str, Any]
    matrix: Matrix = field(default_factory=Matrix)


@cache
def form() -> type[BaseModel]:
    """What checks a models.toml, and has its JSON Schema."""
    settings = model(cast("type", ModelSettings))
    config = ConfigDict(frozen=True, extra="forbid", strict=False)
    named = Field(
        default=None,
        pattern=r"^[\w*+=,@%-][\w*.+=,@% -]*$",
        description="What its folder is called; * stands for what a file of a pattern is called.",
    )
    each = Field(default=None, description="The model once for every combination of these.")
    row = create_model("Model", __base__=settings, name=(str | None, named), matrix=(Matrix | None, each))
    shared = Field(default=None, description="Options that all models share, unless they have others.")
    models = Field(min_length=1, description="The models; `source` may be a pattern of files.")
    columns: dict[str, Any] = {
        "defaults": (settings | None, shared),
        "matrix": (Matrix | None, each),
        "model": (tuple[row, ...], models),
    }
    return create_model("Models", __config__=config, **columns)


def read(file: Path) -> tuple[Entry, ...]:
    """The entries of a models.toml, in its order. Paths in it are relative to it.

    Raises:
        UsageError: It can't be read, or is wrong; the message says where.
    """
    try:
        content = tomllib.loads(existing_file(file).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML: {error}", hint=_FORM) from error
    try:
        form().model_validate(content)
    except ValidationError as error:
        raise _explained(error, file) from None
    return tuple(_entries(content, file))


def _entries(content: Mapping[str, Any], file: Path) -> Iterator[Entry]:
    defaults = content.get("defaults", {})
    for number, row in enumerate(content["model"], 1):
        merged = {**defaults, **row}
        name, matrix = merged.pop("name", ""), merged.pop("matrix", content.get("matrix", {}))
        if "source" not in merged:
            raise UsageError(f"{file}: model {number} has no source", hint=_FORM)
        yield Entry(name, options.moved(merged, lambda path: str(file.parent / path)), Matrix.model_validate(matrix))


def _called(entry: str | Sequence[str]) -> str:
    return Path(entry).stem if isinstance(entry, str) and entry.endswith(".toml") else _joined(entry)


def _joined(entry: str | Sequence[str]) -> str:
    return entry if isinstance(entry, str) else "+".join(entry)


def _as_option(entry: str | Sequence[str], key: str) -> Any:
    if key != "variant":
        return entry
    return [entry] if isinstance(entry, str) else list(entry)


def _explained(error: ValidationError, file: Path) -> UsageError:
    """What is wrong, and where in the file it is: an unknown key, if there is one, else the first thing."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    place = first["loc"]
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in place if part != "Model")
    if first["type"] == "extra_forbidden":
        known = _known(place)
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        return UsageError(f"{file}: {where}: unknown key", hint=hint)
    if first["type"] == "missing":
        return UsageError(f"{file} has no {where}", hint=_FORM)
    return UsageError(f"{file}: {where} = {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}", hint=_FORM)


def _known(place: Sequence[int | str]) -> list[str]:
    """The keys that there are beside a wrong one."""
    if len(place) == 1:
        return [*form().model_fields]
    if "matrix" in place[:-1]:
        return [*Matrix.model_fields]
    settings = [found.alias or name for name, found in model(cast("type", ModelSettings)).model_fields.items()]
    return settings if place[0] == "defaults" else ["name", "matrix", *settings]
