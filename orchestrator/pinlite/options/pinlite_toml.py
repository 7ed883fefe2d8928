"""pinlite.toml, and the paths in it."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.inputs.paths import existing_file
from pinlite.options import requirements
from pinlite.options.declared import Settings
from pinlite.options.option import Option, Paths, StrPath, fields
from pinlite.options.sources import METRIC, MODULE

_FILE = Path("pinlite.toml")

_OPTIONS = {field.key: field for field in fields(Settings)}


def default_file(command_line: Mapping[str, Any]) -> Path | None:
    """The pinlite.toml of the current folder, where the command line names no source."""
    return None if command_line.get("source") or not _FILE.is_file() else _FILE


def read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(existing_file(file).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{file} is not TOML: {error}", hint='its lines are like: opset = 12, input = ["x=1x3"]'
        ) from error
    return moved(content, lambda path: str(file.parent / path))


def moved(options: Mapping[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    """The options with every path in them replaced by what ``move`` makes of it."""

    def path(key: str, text: Any) -> Any:
        if not (isinstance(text, str) and _is_path(key, text)):
            return text
        return requirements.as_path(move(text)) if key == "with" else move(text)

    def paths(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [moved(each, move) if isinstance(each, Mapping) else path(key, each) for each in value]
        return path(key, value)

    return {key: paths(key, value) for key, value in options.items()}


def _is_path(key: str, text: str) -> bool:
    if key not in _OPTIONS:
        return False
    field = _OPTIONS[key]
    if isinstance(field.declared, Option) and field.declared.or_name:
        names = {"toolchain": toolchain.is_file, "with": requirements.names_a_path}
        return names.get(key, _names_a_path)(text)
    return field.takes in (StrPath, Paths)


def _names_a_path(source: str) -> bool:
    return ".py:" in source or not (MODULE.fullmatch(source) or source == "random" or METRIC.fullmatch(source))
