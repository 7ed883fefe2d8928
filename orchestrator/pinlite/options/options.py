"""The options as they are given: by pinlite.toml, by the command line, and checked one by one."""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pinlite import toolchain
from pinlite.errors import UsageError
from pinlite.inputs.paths import existing_file
from pinlite.options.sources import METRIC, MODULE
from pinlite.schema.choices import EngineChoice, IntegerIo, Lowering, Ops

_FILE = Path("pinlite.toml")
_LONGEST = 7 * 24 * 3600

_PATHS = ("out", "weights", "samples", "data", "sign")
# Those that may be a module of the image's, or a word, instead.
_MAYBE_PATHS = ("source", "calibration", "finetune", "qat", "evaluate", "metric")


def dashed(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class Options(BaseModel):
    """The keys of pinlite.toml, which are the names of the options."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=dashed)

    source: str
    out: str | None = None
    weights: str | None = None
    input: list[str] = []
    output_name: list[str] = []
    samples: str | None = None
    seed: int = Field(0, ge=0, lt=2**32)
    toolchain: str = toolchain.DEFAULT
    target: str | None = None
    opset: int | None = None
    lowering: Lowering | None = None
    input_layout: list[str] = []
    output_layout: list[str] = []
    ops: Ops = "auto"
    dynamic_batch: bool = False
    variant: list[str] = ["float32"]
    calibration: str | None = None
    mean: str | None = None
    std: str | None = None
    integer_io: IntegerIo = "int8"
    variant_tolerance: list[str] = []
    with_: list[str] = []
    prune: float | None = Field(None, gt=0, lt=1)
    prune_structured: bool = False
    cluster: int | None = Field(None, ge=2, le=256)
    finetune: str | None = None
    qat: str | None = None
    evaluate: str | None = None
    metric: list[str] = []
    data: str | None = None
    tolerance: float | None = Field(None, ge=0, allow_inf_nan=False)
    strict: bool = False
    sign: str | None = None
    engine: EngineChoice = "auto"
    trust: bool = False
    memory: str = "8g"
    disk: str = "16g"
    timeout: float = Field(1800, gt=0, le=_LONGEST)
    no_cache: bool = False
    refresh: list[str] = []


def default_file(command_line: Mapping[str, Any]) -> Path | None:
    """The pinlite.toml of the current folder, where the command line names no source."""
    return None if command_line.get("source") or not _FILE.is_file() else _FILE


def read(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(existing_file(file).read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"{file} is no TOML: {error}", hint='its lines are like: opset = 12, input = ["x=1x3"]'
        ) from error
    return moved(content, lambda path: str(file.parent / path))


def moved(options: Mapping[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    """The options with every path in them replaced by what ``move`` makes of it."""

    def path(key: str, text: Any) -> Any:
        return move(text) if isinstance(text, str) and (key in _PATHS or names_a_path(text)) else text

    found = dict(options)
    if isinstance(named := found.get("toolchain"), str) and toolchain.is_file(named):
        found["toolchain"] = move(named)
    for key in (*_PATHS, *_MAYBE_PATHS):
        if key in found:
            value = found[key]
            found[key] = [path(key, text) for text in value] if isinstance(value, list) else path(key, value)
    return found


def names_a_path(source: str) -> bool:
    return ".py:" in source or not (MODULE.fullmatch(source) or source == "random" or METRIC.fullmatch(source))


def explained(error: ValidationError, files: Mapping[str, Path]) -> UsageError:
    """The first thing that is wrong, in the user's words; ``files`` has the keys that a file gave."""
    first = error.errors()[0]
    key = str(first["loc"][0])
    known = [dashed(name) for name in Options.model_fields]
    where = f"{files[key]}: " if key in files else ""
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, known, n=1)
        return UsageError(
            f"{where}unknown key {key!r}", hint=f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        )
    name = key if key in files else f"--{key}"
    return UsageError(
        f"{where}{name} = {first['input']!r}: {first['msg'][:1].lower()}{first['msg'][1:]}",
        hint="pinlite convert --help says what each option takes, and so does the key of its name",
    )
